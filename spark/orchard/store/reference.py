"""A run's reference to features in the store, which takes the place of a copy of them.

Each row group of the reference's Parquet files names rows of one file of the store, in their order. So the statistics
in a footer are enough to find the store's files. The schema's metadata has the URI of the store.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchard.errors import JobError
from orchard.io.backend import Storage
from orchard.io.parts import PartFiles
from orchard.io.storage import locate_storage
from orchard.progress import Progress
from orchard.store.lookup import PLACES_COLUMNS
from orchard.store.reading import make_read_task, read_rows
from orchard.store.records import read_contents

REFERENCE_SCHEMA = pa.schema({name: kind for name, kind in PLACES_COLUMNS.items() if name != "bad"})
STORE_KEY = b"orchard.store"
# The folder beside `parquet` in a run's `features`.
FOLDER = "reference"


def make_reference_task(
    uri: str, schema: pa.Schema, progress: Progress
) -> Callable[[Iterable[pa.Table], PartFiles], Iterator[tuple[pa.RecordBatch, int]]]:
    """Make the function that writes a task's places in the store to a file of the folder FOLDER.

    Args:
        uri: The folder of the store.
        schema: The schema of the yielded batches, as `make_read_task` describes. The batches have only unusable images.
        progress: Counts the images.

    Raises:
        JobError: In a task, as `read_rows`.
    """
    done = progress.done
    read = make_read_task(uri, schema, progress)
    described = REFERENCE_SCHEMA.with_metadata({STORE_KEY: uri.encode()})

    def refer(tables: Iterable[pa.Table], files: PartFiles) -> Iterator[tuple[pa.RecordBatch, int]]:
        content = pa.BufferOutputStream()
        rows = 0
        with pq.ParquetWriter(content, described, compression="zstd") as writer:
            for places in tables:
                bad = places.column("bad")
                good = places.filter(pc.invert(bad)).select(REFERENCE_SCHEMA.names)
                if good.num_rows > 0:
                    writer.write_table(good.replace_schema_metadata(described.metadata), good.num_rows)
                rows += good.num_rows
                done.add(good.num_rows)
                if good.num_rows < places.num_rows:
                    yield from read([places.filter(bad)])
        if rows > 0:
            files.write(FOLDER, ".parquet", content.getvalue(), rows)

    return refer


@dataclass(frozen=True)
class Source:
    """The file of a store that has the rows of a reference's row group.

    If the file was merged from several, the row numbers of the reference count from `first_row` on.
    """

    store: str
    storage: Storage
    file: str
    first_row: int = 0


def find_store(schema: pa.Schema) -> str | None:
    """Return the URI of the store that a file refers to; None for a file that is no reference."""
    store = (schema.metadata or {}).get(STORE_KEY)
    return None if store is None else store.decode()


def name_sources(file: "pq.ParquetFile") -> list[str]:
    """Return the name of the store's file for each row group of a reference.

    Raises:
        ValueError: A row group names several files, or none; the message continues the file's name.
    """
    column = REFERENCE_SCHEMA.get_field_index("file")
    names: list[str] = []
    for number in range(file.num_row_groups):
        found: Any = file.metadata.row_group(number).column(column).statistics
        if found is None or not found.has_min_max or found.min != found.max:
            raise ValueError(f"is no reference to a features store: its row group {number} does not name one file")
        names.append(found.min)
    return names


def find_sources(reference: str, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Source]:
    """Find the files that now have the rows of the named files, which may have been merged.

    Args:
        reference: The URI of the features, for messages.
        names: The store's URI and the file's name for each row group; they are the keys of the result.

    Raises:
        JobError: The store does not have the rows of a file any more.
    """
    sources: dict[tuple[str, str], Source] = {}
    wanted = sorted(set(names))
    for store in sorted({store for store, _ in wanted}):
        places, storage = read_contents(store).places, locate_storage(store)
        files = [name for of_store, name in wanted if of_store == store]
        missing = [name for name in files if name not in places]
        if missing:
            raise JobError(
                f"{reference} refers to {len(files)} files of {store}, of which {len(missing)} do not exist any more, "
                f"such as {missing[0]}; repeat the run that has written it, with force"
            )
        sources |= {(store, name): Source(store, storage, *places[name]) for name in files}
    return sources


def read_source(places: pa.Table, source: Source) -> Iterator[tuple[pa.Table, "pa.Array[Any]"]]:
    """Yield rows of a reference with their features, a row group of the store at a time.

    Args:
        places: A row group of the reference.
        source: The file that has its rows.

    Raises:
        JobError: As `read_rows`.
    """
    here = pa.table(
        [
            places.column("path"),
            places.column("label"),
            pa.repeat(source.file, places.num_rows),
            pc.add(places.column("row"), pa.scalar(source.first_row, pa.int32())),
        ],
        schema=REFERENCE_SCHEMA,
    )
    for some, rows in read_rows(source.storage.open_filesystem(), source.store, here, ["features"]):
        yield some, pa.concat_arrays(rows.column("features").chunks)
