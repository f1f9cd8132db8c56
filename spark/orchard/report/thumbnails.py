"""Makes one picture of the thumbnails of some images."""

import io
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt
from PIL import Image
from pyspark import SparkContext

from orchard.arrow import prepare_worker
from orchard.errors import find_root_cause
from orchard.io.backend import ImageStorage
from orchard.model.images import to_input
from orchard.pack.reading import locate_images
from orchard.plan import Plan
from orchard.selection import digest_of
from orchard.session import cores

MAX_THUMBNAILS = 400
SIZE = 48
COLUMNS = 20
# The limit of the JPEG's bytes. Its quality is reduced until it fits.
MAX_BYTES = 450_000
QUALITIES = (80, 60, 40, 20)
# A larger image takes seconds to decode. The model's own limit may be smaller.
MAX_PIXELS = 24_000_000
# After this time, a task leaves the rest of its images out.
TASK_SECONDS = 8.0

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Thumbnails:
    """A JPEG with `columns` thumbnails in a row, and the paths of the images that they show."""

    paths: list[str]
    columns: int
    jpeg: bytes


def make_thumbnails(context: SparkContext, paths: Sequence[str], plan: Plan) -> Thumbnails | None:
    """Make the thumbnails of the images that can be read; None if no image can be read, or if the tasks fail.

    Tasks read and decode the images, so that an image that needs too much memory does not end the driver.

    Args:
        context: The Spark context.
        paths: The URIs of images of the plan's tree, which may be a pack.
        plan: The plan. Images that it does not decode are left out, as are those above MAX_PIXELS.
    """
    try:
        read = make_reading_task(paths, locate_images(plan), plan)
        numbers = context.parallelize(order_for_reading(paths, plan), count_tasks(context, paths))
        found = sorted(numbers.mapPartitions(read).collect(), key=itemgetter(0))
    # The bucket is gone, or an image ends its worker at each attempt: the other figures do not depend on it.
    except Exception as error:  # noqa: BLE001
        print(f"orchard: warning: the report has no thumbnails: {find_root_cause(error)}", file=sys.stderr, flush=True)
        return None
    if not found:
        return None
    columns = min(COLUMNS, len(found))
    return Thumbnails(
        [paths[number] for number, _ in found], columns, compose([pixels for _, pixels in found], columns)
    )


def order_for_reading(paths: Sequence[str], plan: Plan) -> list[int]:
    """Return the numbers of the images in an order in which a task reads each row group of a pack once."""
    numbers = list(range(len(paths)))
    if plan.packed:
        numbers.sort(key=lambda number: digest_of(paths[number], plan.image_tree))
    return numbers


def count_tasks(context: SparkContext, paths: Sequence[str]) -> int:
    """Return the number of tasks that `make_thumbnails` runs."""
    return min(len(paths), 2 * cores(context))


def make_reading_task(
    paths: Sequence[str], storage: ImageStorage, plan: Plan
) -> Callable[[Iterable[int]], Iterator[tuple[int, Pixels]]]:
    """Make the function that reads the thumbnails of a partition's images."""
    max_pixels, exif_rotation = min(plan.max_pixels, MAX_PIXELS), plan.exif_rotation

    def read(numbers: Iterable[int]) -> Iterator[tuple[int, Pixels]]:
        prepare_worker()
        read_file = storage.open_reader()
        end = time.monotonic() + TASK_SECONDS
        for number in numbers:
            if time.monotonic() > end:
                return
            try:
                content, _ = read_file(paths[number])
                values = to_input(content, SIZE, max_pixels, exif_rotation=exif_rotation)
            # Since the features were computed, the image may have been deleted, damaged, or made unreadable. Any other
            # error of one image must not lose the thumbnails of the others, either.
            except Exception:  # noqa: BLE001
                continue
            yield number, np.rint((values + 1) * 127.5).astype(np.uint8)

    return read


def compose(thumbnails: Sequence[Pixels], columns: int) -> bytes:
    """Return the JPEG of thumbnails (SIZE, SIZE, 3), on white where the last row has none."""
    rows = -(-len(thumbnails) // columns)
    sheet = np.full((rows * SIZE, columns * SIZE, 3), 255, np.uint8)
    for number, pixels in enumerate(thumbnails):
        top, left = SIZE * (number // columns), SIZE * (number % columns)
        sheet[top : top + SIZE, left : left + SIZE] = pixels
    image = Image.fromarray(sheet)
    for quality in QUALITIES:
        content = io.BytesIO()
        image.save(content, "JPEG", quality=quality, optimize=True)
        if content.tell() <= MAX_BYTES:
            break
    return content.getvalue()
