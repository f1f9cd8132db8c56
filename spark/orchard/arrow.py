"""mapInArrow where pandas is not installed."""

from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
from pyspark.rdd import PythonEvalType
from pyspark.sql import DataFrame
from pyspark.sql.types import StructType
from pyspark.sql.udf import UserDefinedFunction

ArrowFunction = Callable[[Iterator[pa.RecordBatch]], Iterable[pa.RecordBatch]]


def map_in_arrow(frame: DataFrame, function: ArrowFunction, schema: StructType) -> DataFrame:
    """`frame.mapInArrow(function, schema)`, without the demand for pandas.

    Spark's own method makes its function through pandas_udf(), which refuses to work without pandas although no
    Arrow path uses it. With pandas installed every worker would import it (pyarrow does so when it can): half a
    second and 60 MB for nothing. These lines are those of pyspark 3.5's map_ops.py but for that.
    """
    udf = UserDefinedFunction(function, returnType=schema, evalType=PythonEvalType.SQL_MAP_ARROW_ITER_UDF)
    column = udf(*[frame[name] for name in frame.columns])
    java_frame = frame._jdf.pythonMapInArrow(column._jc.expr(), False)
    return DataFrame(java_frame, frame.sparkSession)


def numbers(batches: Iterator[pa.RecordBatch]) -> Iterator[int]:
    """The ids of a `session.range()` that came as batches."""
    for batch in batches:
        yield from batch.column(0).to_numpy().tolist()
