"""mapInArrow without pandas, whether it is installed or not."""

import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.abc import MetaPathFinder

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


def map_in_arrow(frame: DataFrame, function: ArrowFunction, schema: StructType) -> DataFrame:
    """`frame.mapInArrow(function, schema)`, without the demand for pandas.

    Spark's own method makes its function through pandas_udf(), which refuses to work without pandas although no
    Arrow path uses it. With pandas installed every worker would import it (pyarrow does so when it can): a second
    and 60 MB for nothing. These lines are those of pyspark 3.5's map_ops.py but for that.
    """

    def without_pandas(batches: Iterator[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        do_without_pandas()
        return function(batches)

    udf = UserDefinedFunction(without_pandas, returnType=schema, evalType=PythonEvalType.SQL_MAP_ARROW_ITER_UDF)
    column = udf(*[frame[name] for name in frame.columns])
    java_frame = frame._jdf.pythonMapInArrow(column._jc.expr(), False)
    return DataFrame(java_frame, frame.sparkSession)


def numbers(batches: Iterator[pa.RecordBatch]) -> Iterator[int]:
    """The ids of a `session.range()` that came as batches."""
    for batch in batches:
        yield from batch.column(0).to_numpy().tolist()
