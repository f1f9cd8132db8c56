"""The features job: the numbers that the model gives for each image of the selection."""

import functools
import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.fs as pafs
from pyspark import Accumulator, Broadcast
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import ArrayType, FloatType, StringType, StructField, StructType
from pyspark.storagelevel import StorageLevel

from orchard import litert, outputs, storage, store
from orchard.arrow import ArrowFunction, map_in_arrow
from orchard.checks import check_vectors
from orchard.errors import JobError
from orchard.images import BadImageError, to_input
from orchard.plan import Model, Plan
from orchard.progress import Progress
from orchard.session import cores

SELECTION = StructType(
    [StructField("path", StringType()), StructField("label", StringType()), StructField("etag", StringType())]
)
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
# Images of the store that are worth a task of their own; reading one costs a hundredth of computing it.
REUSED_IMAGES_PER_TASK = 1024
# Rows that leave a worker at a time.
ROWS_PER_BATCH = 256

Vector = npt.NDArray[np.float32]


def run(session: SparkSession, plan: Plan, progress: Progress) -> None:
    """Writes features/{parquet,csv,summary.json}, errors and metadata.

    Only images that the store has not are computed, and then it has them.

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

    known = None
    if plan.store is not None and not plan.force:
        known = store.find(session, plan.store, storage.region_of(plan.store), selection)
        known = None if known is None else known.cache()
    reused = 0 if known is None else known.count()

    broadcast = session.sparkContext.broadcast(flat_buffer)
    changed = session.sparkContext.accumulator(0)
    parts = []
    if reused < images:
        new = selection if known is None else selection.join(known, ["path", "etag"], "left_anti")
        even = new.select("path", "label", "etag").repartition(count_tasks(images - reused, cores(session)))
        parts.append(map_in_arrow(even, extraction(plan, plan.model, broadcast, progress, changed), RESULTS))
    if plan.store is not None and known is not None and reused > 0:
        read = store.reader(plan.store, storage.region_of(plan.store), ARROW_RESULTS, progress)
        tasks = min(2 * cores(session), 1 + reused // REUSED_IMAGES_PER_TASK)
        parts.append(map_in_arrow(store.arrange(known, tasks), read, RESULTS))
    # Several files are written from one computation; what does not fit into memory goes to disk.
    results = functools.reduce(DataFrame.union, parts).persist(StorageLevel.MEMORY_AND_DISK)
    write(results, plan)

    folder = storage.join(plan.run, "features")
    written = session.read.schema(FEATURES).parquet(storage.join(folder, "parquet"))
    errors = bad(results).count()
    checks = check_vectors(written, "features", images - errors, plan.model.dimensions)
    summary = {
        "images": images - errors,
        "errors": errors,
        "computed": images - reused,
        "reused": reused,
        "changed": changed.value,
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


def extraction(
    plan: Plan, model: Model, flat_buffer: Broadcast[bytes], progress: Progress, changed: Accumulator[int]
) -> ArrowFunction:
    """The function that workers run: batches of path, label, etag to batches of ARROW_RESULTS.

    The store gets the same rows. `changed` counts the images that are not, or no longer, what the selection says.
    """
    done, errors = progress.done, progress.errors
    sha256, size = model.sha256, model.input_size
    region = storage.region_of(plan.source)
    uri, run_id = plan.store, plan.run_id
    store_region = None if uri is None else storage.region_of(uri)

    def extract(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        extractor = litert.extractor(sha256, lambda: flat_buffer.value)
        writer = None if uri is None else store.Writer(uri, store_region, run_id)

        def result(content: bytes | None) -> tuple[Vector | None, str | None]:
            if content is None:
                return None, "file not found"
            try:
                return extractor.features(to_input(content, size)), None
            except BadImageError as error:
                return None, str(error)

        rows = ((file, *result(file.content)) for file in read_ahead(_rows(batches), region))
        while chunk := list(islice(rows, ROWS_PER_BATCH)):
            batch = to_batch([(file.path, file.label, features, reason) for file, features, reason in chunk])
            if writer is not None:
                writer.add(batch, [file.found_etag for file, _, _ in chunk])
            done.add(len(chunk))
            errors.add(sum(reason is not None for _, _, reason in chunk))
            changed.add(sum(file.found_etag != file.etag for file, _, _ in chunk))
            yield batch
        if writer is not None:
            writer.flush()

    return extract


def _rows(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[str, str, str]]:
    for batch in batches:
        yield from zip(*(batch.column(number).to_pylist() for number in range(3)), strict=True)


class ImageFile(NamedTuple):
    """A file as the selection names it, and as it was found: without content and etag when it is not there."""

    path: str
    label: str
    etag: str
    content: bytes | None
    found_etag: str | None


def read_ahead(rows: Iterable[tuple[str, str, str]], region: str | None) -> Iterator[ImageFile]:
    """The file of each path, label, etag, in order.

    Raises:
        OSError: a file could not be read for another reason; Spark runs the task again.
    """
    filesystems: dict[bool, pafs.FileSystem] = {}

    def read(path: str, label: str, etag: str) -> ImageFile:
        kind = storage.is_s3(path)
        if kind not in filesystems:
            filesystems[kind] = storage.filesystem(path, region)
        try:
            content, found = storage.read_stream(filesystems[kind], storage.path_in_filesystem(path))
        except FileNotFoundError:
            return ImageFile(path, label, etag, None, None)
        return ImageFile(path, label, etag, content, found)

    waiting: deque[Future[ImageFile]] = deque()

    with ThreadPoolExecutor(PREFETCH_THREADS, "prefetch") as pool:
        try:
            for row in rows:
                waiting.append(pool.submit(read, *row))
                if len(waiting) > PREFETCH_FILES:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
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
