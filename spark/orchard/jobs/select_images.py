"""Selects the images of a run from the candidates of the listing, and writes them in the order of their digests.

Keys in this order are spread evenly over the partitions of S3, and over the tasks of the features job.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark import SparkContext
from pyspark.sql import Window
from pyspark.sql import functions as sf

from orchard.arrow import prepare_worker
from orchard.fingerprint import add_up
from orchard.io import parts
from orchard.io.backend import Storage
from orchard.io.outputs import Output
from orchard.io.storage import find_parquet_files, locate_storage, map_concurrently
from orchard.io.tables import from_bytes, to_bytes
from orchard.io.uri import is_s3, join, to_arrow_path
from orchard.jobs.listing import CANDIDATES_FOLDER, CANDIDATES_SCHEMA, SELECTION_SCHEMA, Listing
from orchard.progress import Progress
from orchard.selection import find_quotas, select_evenly
from orchard.session import cores, sql

# Up to this number of candidates, the driver selects by itself. This needs some 200 MB, but no SQL session (6 s).
DRIVERS_CANDIDATES = 100_000
# A task sorts the rows of one file of the selection in memory (some 60 MB).
ROWS_PER_FILE = 100_000
# Readers skip the row groups that they do not need.
ROWS_PER_GROUP = 8_192
# The number of a digest's first hexadecimal digits (32 bits) that determine its file.
DIGITS = 8


@dataclass
class Selected:
    """The figures and files of a selection; the fingerprint is not yet reduced to 64 digits."""

    images: int = 0
    bytes: int = 0
    fingerprint: int = 0
    files: Output = field(default_factory=Output)

    def merge(self, other: "Selected") -> None:
        """Add another part of the selection."""
        self.images += other.images
        self.bytes += other.bytes
        self.fingerprint += other.fingerprint
        self.files.merge(other.files)


def select_images(
    context: SparkContext, progress: Progress, inventory: str, listing: Listing, quotas: dict[str, int] | None
) -> Selected:
    """Write inventory/selection, rows of SELECTION_SCHEMA.

    Args:
        context: The Spark context.
        progress: Records the stage, if tasks make the selection.
        inventory: URI of the folder `inventory`.
        listing: The result of all listing tasks.
        quotas: The number of images to select of each label; None selects all candidates.
    """
    storage = locate_storage(inventory)
    files = [join(inventory, CANDIDATES_FOLDER, name) for name in listing.candidates.sizes]
    if listing.candidates.rows <= DRIVERS_CANDIDATES:
        tables = map_concurrently(lambda uri: read_candidates(storage, uri), files)
        table = pa.concat_tables([CANDIDATES_SCHEMA.empty_table(), *tables])
        if quotas is not None:
            columns = [[str(text) for text in table[name].to_pylist()] for name in ("label", "digest")]
            table = table.take(pa.array(select_evenly(columns[0], columns[1], sum(quotas.values())), pa.int64()))
        return write_part(storage, inventory, 0, table.sort_by("digest"))
    rows = listing.candidates.rows if quotas is None else sum(quotas.values())
    count = -(-rows // ROWS_PER_FILE)
    with progress.stages.record("select", count, rows):
        if quotas is not None:
            files = filter_by_quota(context, inventory, files, quotas)
        return sort_by_digest(context, storage, inventory, files, count)


def find_selected_quotas(listing: Listing, labels: Iterable[str], limit: int | None) -> dict[str, int] | None:
    """Return how many images a limit selects of each of the selected labels; None if it selects all."""
    wanted = set(labels)
    counts: dict[str, int] = {}
    for (_, label), (images, _) in listing.counts.items():
        if label in wanted:
            counts[label] = counts.get(label, 0) + images
    return None if limit is None or sum(counts.values()) <= limit else find_quotas(counts, limit)


def read_candidates(storage: Storage, uri: str) -> pa.Table:
    """Read a file of rows of CANDIDATES_SCHEMA."""
    with storage.open_filesystem().open_input_file(to_arrow_path(uri)) as source:
        table = pq.ParquetFile(source).read(columns=CANDIDATES_SCHEMA.names, use_threads=False)
    return table.select(CANDIDATES_SCHEMA.names).cast(CANDIDATES_SCHEMA)


def filter_by_quota(context: SparkContext, inventory: str, files: list[str], quotas: dict[str, int]) -> list[str]:
    """Write the candidates with the smallest digests of each label, and return the URIs of their files."""
    target = join(inventory, CANDIDATES_FOLDER, "within-limit")
    session = sql(context)
    wanted = session.createDataFrame(list(quotas.items()), "label string, quota long")
    rank = sf.row_number().over(Window.partitionBy("label").orderBy("digest"))
    ranked = session.read.parquet(*files).withColumn("rank", rank).join(sf.broadcast(wanted), "label")
    ranked.filter("rank <= quota").select(*CANDIDATES_SCHEMA.names).write.mode("overwrite").parquet(target)
    found = find_parquet_files(target, locate_storage(target).open_filesystem())
    return [f"s3://{path}" if is_s3(target) else path for path in found]


def sort_by_digest(context: SparkContext, storage: Storage, inventory: str, files: list[str], count: int) -> Selected:
    """Write the candidates in the order of their digests to `count` files. One task sorts the rows of each file."""
    bounds = [f"{number * 16**DIGITS // count:0{DIGITS}x}" for number in range(1, count)]

    def split(uri: str) -> Iterator[tuple[int, bytes]]:
        prepare_worker()
        table = read_candidates(storage, uri).sort_by("digest")
        digests = [str(text) for text in table["digest"].to_pylist()]
        starts = [0, *(bisect_left(digests, bound) for bound in bounds), len(digests)]
        for part in range(count):
            if starts[part] < starts[part + 1]:
                yield part, to_bytes(table.slice(starts[part], starts[part + 1] - starts[part]))

    def write(part: int, pieces: Iterable[tuple[int, bytes]]) -> Iterator[Selected]:
        prepare_worker()
        tables = [from_bytes(piece) for _, piece in pieces]
        if tables:
            yield write_part(storage, inventory, part, pa.concat_tables(tables).sort_by("digest"))

    tasks = min(len(files), 4 * cores(context))
    pieces = context.parallelize(files, tasks).flatMap(split).partitionBy(count, lambda part: part)
    selected = Selected()
    for written in pieces.mapPartitionsWithIndex(write).collect():
        selected.merge(written)
    return selected


def write_part(storage: Storage, inventory: str, part: int, rows: pa.Table) -> Selected:
    """Write a file of the selection, in row groups that readers can skip, and return its figures."""
    content = pa.BufferOutputStream()
    pq.write_table(rows.select(SELECTION_SCHEMA.names), content, row_group_size=ROWS_PER_GROUP)
    files = parts.PartFiles(inventory, storage, part)
    files.write("selection", ".parquet", content.getvalue(), rows.num_rows)
    selected = Selected(rows.num_rows, int(pc.sum(rows["size"]).as_py() or 0), files=files.outputs["selection"])
    for batch in rows.select(["path", "etag"]).to_batches():
        paths, etags = (column.to_pylist() for column in batch.columns)
        selected.fingerprint += add_up((str(path), str(etag)) for path, etag in zip(paths, etags, strict=True))
    return selected
