"""Finds images that are copies of others: exact ones by their etags, near-duplicates by their reduced features."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orchard.io.storage import find_parquet_files, locate_storage
from orchard.report.neighbours import Neighbours

MAX_EXAMPLES = 100
# Images whose etags are compared: the driver sorts a hash of 8 bytes for each, with its position.
MAX_COMPARED = 3_000_000
# Near-duplicates are closer than this share of the median distance to the nearest image. If images were spread at
# random over m dimensions, the nearest image would be this close with a probability of 1 - 2^-(share^m), which is below
# 0.01 % for m of 4 or more.
NEAR_SHARE = 0.1

# Size in bytes, and etag.
Content = tuple[int, str]


@dataclass(frozen=True)
class ExactCopies:
    """The number of images with the content of an earlier one, and examples: the first image's path, and the copy's."""

    pairs: int
    examples: list[tuple[str, str]]


@dataclass(frozen=True)
class NearCopies:
    """The largest distance of near-duplicates, their number of pairs, and examples: two paths and their distance."""

    bound: float
    pairs: int
    examples: list[tuple[str, str, float]]


def find_exact_copies(selection: str, images: int) -> ExactCopies | None:
    """Compare the etags of a selection's images; None if there are more than MAX_COMPARED, or no selection.

    Args:
        selection: The folder of the selection's Parquet files.
        images: The number of images.
    """
    files = locate_storage(selection).open_filesystem()
    paths = find_parquet_files(selection, files)

    def read() -> Iterator[pa.RecordBatch]:
        for path in paths:
            with files.open_input_file(path) as source:
                yield from pq.ParquetFile(source).iter_batches(columns=["path", "size", "etag"])

    return compare_etags(read) if paths and images <= MAX_COMPARED else None


def compare_etags(read: Callable[[], Iterator[pa.RecordBatch]]) -> ExactCopies:
    """Find the images with the etag and size of an earlier one. Empty files are no copies of each other.

    On S3, equal etags mean equal content. The reverse does not hold: etags of equal content differ after uploads in
    different parts, and for objects that KMS encrypts (docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html).

    Args:
        read: Reads path, size and etag of all images, in the same order at each call.
    """
    hashes = np.fromiter((hash(content) for _, content in _contents(read())), np.int64)
    _, firsts, counts = np.unique(hashes, return_index=True, return_counts=True)
    first_positions = np.sort(firsts[counts > 1])[:MAX_EXAMPLES]
    wanted = set(hashes[first_positions].tolist())
    originals: dict[Content, str] = {}
    examples: list[tuple[str, str]] = []
    for path, content in _contents(read()) if wanted else ():
        if hash(content) not in wanted:
            continue
        original = originals.setdefault(content, path)
        if original != path and len(examples) < MAX_EXAMPLES:
            examples.append((original, path))
    return ExactCopies(len(hashes) - len(firsts), examples)


def _contents(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[str, Content]]:
    """Yield the path, and size and etag of each file that is not empty."""
    for batch in batches:
        for path, size, etag in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if size > 0:
                yield path, (size, etag)


def find_near_copies(neighbours: Neighbours, paths: list[str]) -> NearCopies:
    """Find the pairs of an image and one of its nearest images that are no farther apart than the bound.

    Args:
        neighbours: The nearest images of each image of the sample.
        paths: The images' paths.
    """
    if neighbours.distances.shape[1] == 0:
        return NearCopies(0.0, 0, [])
    bound = NEAR_SHARE * float(np.median(neighbours.distances[:, 0]))
    rows, columns = np.nonzero(neighbours.distances <= bound)
    pairs = {
        (min(row, other), max(row, other)): distance
        for row, other, distance in zip(
            rows.tolist(),
            neighbours.positions[rows, columns].tolist(),
            neighbours.distances[rows, columns].tolist(),
            strict=True,
        )
    }
    closest = sorted(pairs.items(), key=lambda item: (item[1], item[0]))[:MAX_EXAMPLES]
    examples = [(paths[one], paths[other], distance) for (one, other), distance in closest]
    return NearCopies(bound, len(pairs), examples)
