import pytest
from orchard.errors import JobError, find_root_cause
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

JAVA = """An error occurred while calling o1.parquet.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed 1 times, most recent \
failure: Lost task 0.0 in stage 1.0 (TID 1) (host executor driver): org.apache.spark.api.python.PythonException: \
Traceback (most recent call last):
  File "worker.py", line 1, in main
    process()
  File "features.py", line 9, in extract
    raise OSError(
OSError: When reading key 'a b.jpg' in bucket 'x': AWS Error ACCESS_DENIED

\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)
Caused by: org.apache.spark.SparkException: something else
"""


def test_a_python_workers_error_is_the_cause() -> None:
    expected = "OSError: When reading key 'a b.jpg' in bucket 'x': AWS Error ACCESS_DENIED"
    assert find_root_cause(RuntimeError(JAVA)) == expected


def test_a_job_error_in_a_worker_is_its_message() -> None:
    text = "Traceback (most recent call last):\n  File x\norchard.errors.JobError: 3 of 9 rows are bad\n\n\tat org.x"
    assert find_root_cause(RuntimeError(text)) == "3 of 9 rows are bad"


def test_the_last_java_cause() -> None:
    text = "An error occurred\n: java.lang.A: outer\n\tat x\nCaused by: java.io.IOException: No space left on device\n"
    assert find_root_cause(RuntimeError(text)) == "IOException: No space left on device"


def test_the_innermost_python_exception() -> None:
    outer = RuntimeError("outer")
    outer.__cause__ = KeyError("runId")

    assert find_root_cause(outer) == "KeyError: 'runId'"


def test_a_message_of_several_lines_becomes_one() -> None:
    assert find_root_cause(JobError("one\n  two")) == "one two"


@pytest.mark.parametrize(
    "part", ["A", "a.", "A.", "Caused by: ", "Caused by: a.", "\n", "Traceback (most recent call last):\n", "A: "]
)
def test_a_message_of_5_mb_is_read_in_linear_time(part: str) -> None:
    # No time is asserted: a pattern that backtracks would hang.
    text = "Traceback (most recent call last):\nx\n" + part * (5_000_000 // len(part))

    assert "\n" not in find_root_cause(RuntimeError(text))


@pytest.mark.parametrize("writes", [True, False])
def test_sparks_own_exceptions(spark: SparkSession, writes: bool, tmp_path: object) -> None:
    @sf.udf("string")
    def broken(number: int) -> str:
        raise ValueError(f"row {number} is odd")

    frame = spark.range(1).select(broken("id"))
    with pytest.raises(Exception) as caught:
        frame.write.parquet(f"{tmp_path}/out") if writes else frame.collect()

    assert find_root_cause(caught.value) == "ValueError: row 0 is odd"


def test_a_missing_path(spark: SparkSession, tmp_path: object) -> None:
    with pytest.raises(Exception) as caught:
        spark.read.parquet(f"{tmp_path}/nothing")

    assert "Path does not exist" in find_root_cause(caught.value)
    assert "\n" not in find_root_cause(caught.value)
