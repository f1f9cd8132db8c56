"""The features job: the numbers that the model gives for each image of the selection."""

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.fs as pafs
from pyspark import Broadcast
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import ArrayType, FloatType, StringType, StructField, StructType
from pyspark.storagelevel import StorageLevel

from orchard import litert, outputs, storage
from orchard.arrow import ArrowFunction, map_in_arrow
from orchard.checks import check_vectors
from orchard.errors import JobError
from orchard.images import BadImageError, to_input
from orchard.plan import Model, Plan
from orchard.progress import Progress
from orchard.session import cores

SELECTION = StructType([StructField("path", StringType()), StructField("label", StringType())])
FEATURES = StructType(
    [
        StructField("path", StringType()),
        StructField("label", StringType()),
        StructField("features", ArrayType(FloatType())),
    ]
)
RESULTS = StructType([*FEATURES.fields, StructField("reason", StringType())])
ARROW_RESULTS = to_arrow_schema(RESULTS)

# A task costs some 20 ms beside its images; fewer images than this and that shows.
MIN_IMAGES_PER_TASK = 16
# More tasks than this even out nothing more, unless the cluster has more than half as many cores.
MAX_TASKS = 64
# Files that a worker reads ahead, and threads that do so: they hide S3's latency, 20 to 100 ms an object.
PREFETCH_FILES = 32
PREFETCH_THREADS = 8
# Rows that leave a worker at a time.
ROWS_PER_BATCH = 256

Vector = npt.NDArray[np.float32]


def run(session: SparkSession, plan: Plan, progress: Progress) -> None:
    """Writes features/{parquet,csv,summary.json}, errors and metadata.

    Raises:
        JobError: there is no inventory, or the model is missing or not the planned one.
    """
    if plan.model is None:
        raise JobError("the plan names no model")
    flat_buffer = read_model(plan.model)
    inventory = storage.join(plan.run, "inventory")
    images = int(json.loads(storage.read_bytes(storage.join(inventory, "summary.json")))["selected"]["images"])
    selection = session.read.schema(SELECTION).parquet(storage.join(inventory, "selection"))
    progress.begin(images)

    broadcast = session.sparkContext.broadcast(flat_buffer)
    extract = extraction(plan.model, broadcast, storage.region_of(plan.source), progress)
    even = selection.repartition(count_tasks(images, cores(session)))
    # Several files are written from one computation; what does not fit into memory goes to disk.
    results = map_in_arrow(even, extract, RESULTS).persist(StorageLevel.MEMORY_AND_DISK)
    write(results, plan)

    folder = storage.join(plan.run, "features")
    written = session.read.schema(FEATURES).parquet(storage.join(folder, "parquet"))
    errors = bad(results).count()
    checks = check_vectors(written, "features", images - errors, plan.model.dimensions)
    summary = {
        "images": images - errors,
        "errors": errors,
        "dimensions": plan.model.dimensions,
        "checks": [check.as_json() for check in checks],
    }
    outputs.write_json(summary, storage.join(folder, "summary.json"))


def read_model(model: Model) -> bytes:
    """The model's flat buffer.

    Raises:
        JobError: it is not there, or its sha256 is not the plan's.
    """
    content = storage.read_bytes(model.uri)
    found = hashlib.sha256(content).hexdigest()
    if found != model.sha256:
        raise JobError(f"the model {model.uri} has sha256 {found}, but the plan says {model.sha256}; deploy again")
    return content


def count_tasks(images: int, cores: int) -> int:
    """How many even tasks to cut the images into: whole rounds of the cores, two or more if there is enough to do."""
    most = max(MAX_TASKS, 2 * cores)
    tasks = min(most, images // MIN_IMAGES_PER_TASK)
    if tasks <= cores:
        return max(1, min(images, cores))
    return tasks // cores * cores


def write(results: DataFrame, plan: Plan) -> None:
    """Writes the results (schema RESULTS) to features/, metadata/ and errors/."""
    features = good(results)
    folder = storage.join(plan.run, "features")
    outputs.write_parquet(features, storage.join(folder, "parquet"))
    if plan.csv:
        outputs.write_csv(features_as_text(features), storage.join(folder, "csv"))
    outputs.write_csv(features.select("path", "label").coalesce(1), storage.join(plan.run, "metadata"))
    outputs.write_csv(bad(results).coalesce(1), storage.join(plan.run, "errors"))


def good(results: DataFrame) -> DataFrame:
    """path, label, features of the images that have some"""
    return results.where(sf.col("reason").isNull()).select("path", "label", "features")


def bad(results: DataFrame) -> DataFrame:
    """path, label, reason of the images that could not be used"""
    return results.where(sf.col("reason").isNotNull()).select("path", "label", "reason")


def features_as_text(features: DataFrame) -> DataFrame:
    """path, label, features_string"""
    return features.select("path", "label", outputs.joined(sf.col("features")).alias("features_string"))


def extraction(model: Model, flat_buffer: Broadcast[bytes], region: str | None, progress: Progress) -> ArrowFunction:
    """The function that workers run: batches of path, label to batches of ARROW_RESULTS."""
    done, errors = progress.done, progress.errors
    sha256, size = model.sha256, model.input_size

    def extract(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        extractor = litert.extractor(sha256, lambda: flat_buffer.value)

        def result(content: bytes | None) -> tuple[Vector | None, str | None]:
            if content is None:
                return None, "file not found"
            try:
                return extractor.features(to_input(content, size)), None
            except BadImageError as error:
                return None, str(error)

        rows = ((path, label, *result(content)) for path, label, content in read_ahead(_rows(batches), region))
        while chunk := list(islice(rows, ROWS_PER_BATCH)):
            done.add(len(chunk))
            errors.add(sum(reason is not None for _, _, _, reason in chunk))
            yield to_batch(chunk)

    return extract


def _rows(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[str, str]]:
    for batch in batches:
        yield from zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)


def read_ahead(rows: Iterable[tuple[str, str]], region: str | None) -> Iterator[tuple[str, str, bytes | None]]:
    """path, label and content of each file, in order; None for a file that is not there.

    Raises:
        OSError: a file could not be read for another reason; Spark runs the task again.
    """
    filesystems: dict[bool, pafs.FileSystem] = {}

    def read(path: str) -> bytes | None:
        kind = storage.is_s3(path)
        if kind not in filesystems:
            filesystems[kind] = storage.filesystem(path, region)
        try:
            with filesystems[kind].open_input_stream(storage.path_in_filesystem(path)) as stream:
                content: bytes = stream.read()
        except FileNotFoundError:
            return None
        return content

    waiting: deque[tuple[str, str, Future[bytes | None]]] = deque()

    def first() -> tuple[str, str, bytes | None]:
        path, label, content = waiting.popleft()
        return path, label, content.result()

    with ThreadPoolExecutor(PREFETCH_THREADS, "prefetch") as pool:
        try:
            for path, label in rows:
                waiting.append((path, label, pool.submit(read, path)))
                if len(waiting) > PREFETCH_FILES:
                    yield first()
            while waiting:
                yield first()
        finally:
            # After an error nobody wants what is still on its way.
            pool.shutdown(wait=False, cancel_futures=True)


def to_batch(rows: list[tuple[str, str, Vector | None, str | None]]) -> pa.RecordBatch:
    """Rows of path, label, features or None, reason or None as one batch of ARROW_RESULTS."""
    vectors = [features for _, _, features, _ in rows if features is not None]
    lengths = [0 if features is None else len(features) for _, _, features, _ in rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    values = np.concatenate(vectors) if vectors else np.empty(0, np.float32)
    missing = pa.array([features is None for _, _, features, _ in rows], pa.bool_())
    features = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values, pa.float32()), mask=missing)
    return pa.RecordBatch.from_arrays(
        [
            pa.array([path for path, _, _, _ in rows], pa.string()),
            pa.array([label for _, label, _, _ in rows], pa.string()),
            features,
            pa.array([reason for _, _, _, reason in rows], pa.string()),
        ],
        schema=ARROW_RESULTS,
    )
