"""Computes the features of images in a task."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark import Broadcast, TaskContext

from orchard.errors import JobError
from orchard.io.read_ahead import Image, ImageFile, read_ahead
from orchard.io.storage import locate_storage, open_storage
from orchard.jobs.isolation import Decode, IsolatedDecoder
from orchard.model.bad_image import BadImageError, RunDependentError
from orchard.model.extractor import Extractor, get_extractor
from orchard.model.images import to_input
from orchard.pack.reading import locate_images
from orchard.plan import Model, Plan
from orchard.progress import Progress
from orchard.store.writing import StoreWriter

# A row has either features (float32, one number for each dimension) or the reason why it has none.
RESULTS_SCHEMA = pa.schema(
    [
        pa.field("path", pa.string()),
        pa.field("label", pa.string()),
        pa.field("features", pa.list_(pa.float32())),
        pa.field("reason", pa.string()),
    ]
)
# Rows of RESULTS_SCHEMA, and the number of images among them that differ from the selection: changed or deleted.
Results = tuple[pa.RecordBatch, int]
Vector = npt.NDArray[np.float32]


class _Row(NamedTuple):
    file: ImageFile
    features: Vector | None
    reason: str | None
    stored_etag: str | None


ROWS_PER_BATCH = 256


def read_model(model: Model) -> bytes:
    """Read the model's file.

    Raises:
        JobError: It does not exist, or its sha256 differs from the plan's.
    """
    content = open_storage(model.uri).read_bytes(model.uri)
    found = hashlib.sha256(content).hexdigest()
    if found != model.sha256:
        raise JobError(f"the model {model.uri} has sha256 {found}, but the plan says {model.sha256}; deploy again")
    return content


def make_extract_task(
    plan: Plan,
    model: Model,
    content: Broadcast[bytes],
    progress: Progress,
    decoder_memory: tuple[int, int] | None = None,
) -> Callable[[Iterable[Image]], Iterator[Results]]:
    """Make the function that computes the features of a task's images and adds them to the features store, if any.

    Args:
        plan: The plan.
        model: Its model.
        content: The model's file.
        progress: Counts the images.
        decoder_memory: The result of `isolation.find_decoder_memory`.
    """
    done, errors = progress.done, progress.errors
    decode_here = partial(
        to_input,
        size=model.input_size,
        max_pixels=plan.max_pixels,
        preprocessing=model.preprocessing,
        exif_rotation=plan.exif_rotation,
        jpeg_draft=plan.jpeg_draft,
    )
    images_storage = locate_images(plan)
    store_uri, run_id, precision = plan.store, plan.run_id, plan.precision
    store_storage = None if store_uri is None else locate_storage(store_uri)

    def extract(images: Iterable[Image]) -> Iterator[Results]:
        extractor = get_extractor(model, precision, lambda: content.value)
        writer = None
        if store_uri is not None and store_storage is not None:
            writer = StoreWriter(store_uri, store_storage, run_id)

        with ExitStack() as stack:
            decode = choose_decoder(decode_here, decoder_memory, stack)
            rows = (compute(file, decode, extractor) for file in read_ahead(images, images_storage))
            while chunk := list(islice(rows, ROWS_PER_BATCH)):
                batch = to_batch([(row.file.path, row.file.label, row.features, row.reason) for row in chunk])
                if writer is not None:
                    writer.add(batch, [row.stored_etag for row in chunk])
                done.add(len(chunk))
                errors.add(sum(row.reason is not None for row in chunk))
                yield batch, sum(row.file.found_etag != row.file.etag for row in chunk)
        if writer is not None:
            writer.flush()

    return extract


def choose_decoder(decode: Decode, memory: tuple[int, int] | None, stack: ExitStack) -> Decode:
    """Return the decoder for this attempt of the task.

    From the second attempt on, it decodes in a child process, which `stack` ends.
    """
    context = TaskContext.get()
    attempt = 0 if context is None else context.attemptNumber()
    if attempt == 0:
        return decode
    return stack.enter_context(IsolatedDecoder(decode, None if memory is None else memory[min(attempt, 2) - 1]))


def compute(file: ImageFile, decode: Decode, extractor: Extractor) -> _Row:
    """Compute a row.

    Its `stored_etag` is None if the store must not keep the row, because another run may be able to use the image.
    """
    if file.content is None:
        return _Row(file, None, file.reason, None)
    try:
        return _Row(file, extractor.features(decode(file.content)), None, file.found_etag)
    except RunDependentError as error:
        return _Row(file, None, str(error), None)
    except BadImageError as error:
        return _Row(file, None, str(error), file.found_etag)


def to_batch(rows: list[tuple[str, str, Vector | None, str | None]]) -> pa.RecordBatch:
    """Convert rows of path, label, features or None, reason or None to one batch of RESULTS_SCHEMA."""
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
        schema=RESULTS_SCHEMA,
    )
