"""mapInArrow without pandas, whether it is installed or not."""

import gc
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.abc import MetaPathFinder
from zipimport import zipimporter

import pyarrow as pa
from pyspark.rdd import PythonEvalType
from pyspark.sql import DataFrame
from pyspark.sql.types import StructType
from pyspark.sql.udf import UserDefinedFunction

ArrowFunction = Callable[[Iterator[pa.RecordBatch]], Iterable[pa.RecordBatch]]


class _NoPandas(MetaPathFinder):
    """Says that pandas is not installed; pyarrow then does without."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("the workers do without pandas", name=fullname)


def do_without_pandas() -> None:
    """From here on, this process imports no pandas."""
    if not any(isinstance(finder, _NoPandas) for finder in sys.meta_path):
        sys.meta_path.insert(0, _NoPandas())


def prepare_worker() -> None:
    """What a task begins with, in the process that runs it."""
    do_without_pandas()
    # PySpark drops Python's import caches before each task, and zipimport then reads the whole directory of each
    # archive on the path again, spark-core's 17,000 entries among them: 100 ms a task. Modules stay imported.
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimporter):
            del sys.path_importer_cache[path]
    if gc.get_freeze_count() == 0:
        # PySpark collects garbage after each task: 50 ms, nearly all of it for what was imported.
        gc.freeze()


def map_in_arrow(frame: DataFrame, function: ArrowFunction, schema: StructType) -> DataFrame:
    """`frame.mapInArrow(function, schema)`, without the demand for pandas.

    Spark's own method makes its function through pandas_udf(), which refuses to work without pandas although no
    Arrow path uses it. With pandas installed every worker would import it (pyarrow does so when it can): a second
    and 60 MB for nothing. These lines are those of pyspark 3.5's map_ops.py but for that.
    """

    def without_pandas(batches: Iterator[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        prepare_worker()
        return function(batches)

    udf = UserDefinedFunction(without_pandas, returnType=schema, evalType=PythonEvalType.SQL_MAP_ARROW_ITER_UDF)
    column = udf(*[frame[name] for name in frame.columns])
    java_frame = frame._jdf.pythonMapInArrow(column._jc.expr(), False)
    return DataFrame(java_frame, frame.sparkSession)


def numbers(batches: Iterator[pa.RecordBatch]) -> Iterator[int]:
    """The ids of a `session.range()` that came as batches."""
    for batch in batches:
        yield from batch.column(0).to_numpy().tolist()
