"""The features job: the numbers that the model gives for each image of the selection."""

import hashlib
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import accumulate, islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark import RDD, Broadcast, SparkContext

from orchard.arrow import prepare_worker
from orchard.checks import Found, check_vectors, merged
from orchard.errors import JobError
from orchard.io import parts, storage, store
from orchard.model import litert
from orchard.model.images import BadImageError, to_input
from orchard.plan import Model, Plan
from orchard.progress import Progress
from orchard.session import cores

# path, label, etag
Image = tuple[str, str, str]
# path, label, and either features or the reason why there are none; how many images were not what the selection says
Results = tuple[pa.RecordBatch, int]
ARROW_RESULTS = pa.schema(
    [
        pa.field("path", pa.string()),
        pa.field("label", pa.string()),
        pa.field("features", pa.list_(pa.float32())),
        pa.field("reason", pa.string()),
    ]
)

# A task costs 25 ms beside its images, which take 5 to 12 ms each.
MIN_IMAGES_PER_TASK = 16
MAX_IMAGES_PER_TASK = 256
# Each task's results are files of their own; a very large run gets larger tasks and not more of them.
MAX_TASKS = 2000
# Files that a worker reads ahead, and threads that do so: they hide S3's latency, 20 to 100 ms an object.
PREFETCH_FILES = 32
PREFETCH_THREADS = 8
# Images of the store that are worth a task of their own; reading one costs a hundredth of computing it.
REUSED_IMAGES_PER_TASK = 1024
# Rows that are handed on at a time.
ROWS_PER_BATCH = 256

Vector = npt.NDArray[np.float32]


@dataclass
class Task:
    """What one task did. `reasons` counts the `images` that cannot be used; `changed` were not as in the selection."""

    images: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    changed: int = 0
    found: Found = field(default_factory=Found)


def run(context: SparkContext, plan: Plan, progress: Progress) -> None:
    """Writes features/{parquet,csv,summary.json}, errors and metadata.

    Only images that the store has not are computed, and then it has them.

    Raises:
        JobError: there is no inventory, no usable image, or the model is missing or not the planned one.
    """
    if plan.model is None:
        raise JobError("the plan names no model")
    flat_buffer = read_model(plan.model)
    inventory = storage.join(plan.run, "inventory")
    images = int(json.loads(storage.read_bytes(storage.join(inventory, "summary.json")))["selected"]["images"])
    selection = storage.join(inventory, "selection")
    progress.begin(images)
    folder = storage.join(plan.run, "features")
    parts.begin(folder)
    for name in ("metadata", "errors"):
        storage.remove_folder(storage.join(plan.run, name))

    known = None if plan.store is None or plan.force else store.find(context, plan.store, selection)
    reused = 0 if known is None else known.count()
    extract = extraction(plan, plan.model, context.broadcast(flat_buffer), progress)
    shares = cut(images - reused, cores(context))
    jobs: list[RDD[Task]] = []
    if shares:
        if known is None:
            new = selected(context, selection, shares)
        else:
            new = store.missing(context, selection, known).repartition(len(shares)).rdd.map(tuple)
        jobs.append(new.mapPartitionsWithIndex(writing(plan, extract)))
    if plan.store is not None and known is not None and reused > 0:
        read = store.reader(plan.store, ARROW_RESULTS, progress)
        places = store.arrange(known, min(2 * cores(context), 1 + reused // REUSED_IMAGES_PER_TASK)).rdd.map(tuple)
        jobs.append(places.mapPartitionsWithIndex(writing(plan, read, first_task=len(shares))))
    done = context.union(jobs).collect()

    reasons = sum((task.reasons for task in done), Counter[str]())
    errors = reasons.total()
    if errors == images:
        raise JobError(f"none of the {images} images can be used: {_commonest(reasons)}")
    if errors == 0:
        nothing = [ARROW_RESULTS.field(name) for name in ("path", "label", "reason")]
        parts.write_csv(pa.schema(nothing).empty_table(), storage.join(plan.run, "errors"), 0)
    region = storage.region_of(folder)
    found = merged(task.found for task in done)
    checks = check_vectors(storage.join(folder, "parquet"), region, found, images - errors, plan.model.dimensions)
    summary = {
        "images": images - errors,
        "errors": errors,
        "reasons": dict(reasons.most_common()),
        "computed": images - reused,
        "reused": reused,
        "changed": sum(task.changed for task in done),
        "dimensions": plan.model.dimensions,
        "checks": [check.as_json() for check in checks],
    }
    storage.write_json(storage.join(folder, "summary.json"), summary)


def _commonest(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common(3))


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


def cut(images: int, cores: int) -> list[int]:
    """How many images each task gets: large shares first, and ever smaller ones, so that all cores end together.

    This is guided self-scheduling (Polychronopoulos and Kuck, 1987): a share is what is left, by twice the cores.
    """
    most = max(MAX_IMAGES_PER_TASK, images // MAX_TASKS)
    shares = []
    while images > 0:
        share = min(images, most, max(MIN_IMAGES_PER_TASK, images // (2 * cores)))
        shares.append(share)
        images -= share
    return shares


def selected(context: SparkContext, uri: str, shares: list[int]) -> "RDD[Image]":
    """path, label, etag of the images of a selection; each task reads its own share of the files."""
    region = storage.region_of(uri)

    def read(share: tuple[int, int]) -> Iterator[Image]:
        start, end = share
        files = storage.filesystem(uri, region)
        seen = 0
        for path in storage.parquet_files(uri, files):
            with files.open_input_file(path) as source:
                for batch in pq.ParquetFile(source).iter_batches(columns=["path", "label", "etag"]):
                    if seen >= end:
                        return
                    first = min(max(start - seen, 0), batch.num_rows)
                    mine = batch.slice(first, max(0, end - seen - first))
                    seen += batch.num_rows
                    yield from zip(*(column.to_pylist() for column in mine.columns), strict=True)

    ends = list(accumulate(shares))
    return context.parallelize(list(zip([0, *ends], ends, strict=False)), len(shares)).flatMap(read)


def writing(
    plan: Plan, results: Callable[[Iterable[Any]], Iterator[Results]], first_task: int = 0
) -> Callable[[int, Iterable[Any]], Iterator[Task]]:
    """The function that runs in a task: writes what `results` makes of the partition, and says what that was."""
    assert plan.model is not None
    dimensions, csv, run_uri = plan.model.dimensions, plan.csv, plan.run
    region = storage.region_of(run_uri)

    def write(partition: int, rows: Iterable[Any]) -> Iterator[Task]:
        prepare_worker()
        number = first_task + partition
        writer = parts.Writer(storage.join(run_uri, "features"), region, number, dimensions, csv=csv)
        task, good, bad = Task(found=writer.found), [], []
        for batch, changed in results(rows):
            has_features = batch.column("reason").is_null()
            usable = batch.filter(has_features)
            writer.add(usable.select(["path", "label", "features"]))
            good.append(usable.select(["path", "label"]))
            bad.append(batch.filter(pc.invert(has_features)).select(["path", "label", "reason"]))
            task.images += batch.num_rows
            task.reasons.update(str(reason) for reason in bad[-1].column("reason").to_pylist())
            task.changed += changed
        writer.flush()
        for name, batches in (("metadata", good), ("errors", bad)):
            if any(batch.num_rows for batch in batches):
                parts.write_csv(pa.Table.from_batches(batches), storage.join(run_uri, name), number, region)
        yield task

    return write


def extraction(
    plan: Plan, model: Model, flat_buffer: Broadcast[bytes], progress: Progress
) -> Callable[[Iterable[Image]], Iterator[Results]]:
    """What a task does with images (path, label, etag): computes their features; the store gets them, too."""
    done, errors = progress.done, progress.errors
    sha256, size = model.sha256, model.input_size
    source, region = plan.source, storage.region_of(plan.source)
    uri, run_id = plan.store, plan.run_id
    store_region = None if uri is None else storage.region_of(uri)

    def extract(images: Iterable[Image]) -> Iterator[Results]:
        extractor = litert.extractor(sha256, lambda: flat_buffer.value)
        writer = None if uri is None else store.Writer(uri, store_region, run_id)

        def result(content: bytes | None) -> tuple[Vector | None, str | None]:
            if content is None:
                return None, "file not found"
            try:
                return extractor.features(to_input(content, size)), None
            except BadImageError as error:
                return None, str(error)

        rows = ((file, *result(file.content)) for file in read_ahead(images, source, region))
        while chunk := list(islice(rows, ROWS_PER_BATCH)):
            batch = to_batch([(file.path, file.label, features, reason) for file, features, reason in chunk])
            if writer is not None:
                writer.add(batch, [file.found_etag for file, _, _ in chunk])
            done.add(len(chunk))
            errors.add(sum(reason is not None for _, _, reason in chunk))
            yield batch, sum(file.found_etag != file.etag for file, _, _ in chunk)
        if writer is not None:
            writer.flush()

    return extract


class ImageFile(NamedTuple):
    """A file as the selection names it, and as it was found: without content and etag when it is not there."""

    path: str
    label: str
    etag: str
    content: bytes | None
    found_etag: str | None


def read_ahead(images: Iterable[Image], source: str, region: str | None) -> Iterator[ImageFile]:
    """The file of each image, in order. All are under the URI `source`.

    Raises:
        OSError: a file could not be read for another reason; Spark runs the task again.
    """
    files = storage.filesystem(source, region)

    def read(image: Image) -> ImageFile:
        try:
            content, found = storage.read_stream(files, storage.path_in_filesystem(image[0]))
        except FileNotFoundError:
            return ImageFile(*image, None, None)
        return ImageFile(*image, content, found)

    if not storage.is_s3(source):
        # There is no latency to hide, and handing files from thread to thread costs more than reading them.
        yield from map(read, images)
        return

    waiting: deque[Future[ImageFile]] = deque()

    with ThreadPoolExecutor(PREFETCH_THREADS, "prefetch") as pool:
        try:
            for image in images:
                waiting.append(pool.submit(read, image))
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
