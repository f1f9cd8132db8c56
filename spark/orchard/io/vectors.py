"""Reads Parquet files of features in Spark's Python workers.

Passing rows from the JVM to Python takes several times as long as the arithmetic on them (measured: 10 s against 2.4 s
for 67,692 rows of 1,280 numbers). So Spark distributes row groups, and the workers read them with pyarrow.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from orchard.errors import JobError
from orchard.formatting import plural
from orchard.io.backend import Storage
from orchard.io.columns import FORMS, BadVectorError, Vectors, is_vector, to_matrix
from orchard.io.storage import find_parquet_files, locate_storage, map_concurrently
from orchard.io.uri import SCHEME, is_s3, join, to_arrow_path
from orchard.moments import Rows
from orchard.store import reference

NAMES = ("path", "label")
# 10 MB of float32 at 1,280 dimensions.
ROWS_PER_BATCH = 2048


@dataclass(frozen=True)
class Column:
    """The column that holds the features, and the dtype of its bytes if it is binary."""

    name: str = "features"
    dtype: str | None = None


FEATURES = Column()


@dataclass(frozen=True)
class RowGroup:
    """A row group of a file. `path` is pyarrow's path, `number` counts from 0 in the file.

    `source` is the file that has the features if the row group only refers to rows of a features store.
    """

    path: str
    number: int
    rows: int
    source: reference.Source | None = None


@dataclass(frozen=True)
class Features:
    """The non-empty row groups of the Parquet files under `uri`, in the order of files and rows.

    The row groups of a run's reference to the features store come after the row groups of its own features.
    The object can be pickled, so that the driver can send it to workers.
    """

    uri: str
    storage: Storage
    groups: tuple[RowGroup, ...]
    column: Column

    @property
    def rows(self) -> int:
        """The number of rows of all row groups."""
        return sum(group.rows for group in self.groups)

    def read_sample(self, rows: int) -> Rows:
        """Return the features (n, d) of the first rows, at most `rows` of them, all from one row group.

        Raises:
            JobError: As `read`.
        """
        return next(_read_group(self, self.storage.open_filesystem(), self.groups[0], None, rows))[0]

    def read(self, numbers: Iterable[int], dimensions: int) -> Iterator[Rows]:
        """Yield the features (n, d) of the row groups with these numbers, in batches of ROWS_PER_BATCH rows.

        Raises:
            JobError: A file cannot be read, or a row's features cannot be used.
        """
        files = self.storage.open_filesystem()
        for number in numbers:
            for rows, _ in _read_group(self, files, self.groups[number], dimensions, ROWS_PER_BATCH):
                yield rows

    def read_named(self, numbers: Iterable[int], dimensions: int) -> Iterator[tuple[Rows, list[Vectors]]]:
        """Yield as `read`, each batch with its columns `path` and `label` as strings."""
        files = self.storage.open_filesystem()
        for number in numbers:
            yield from _read_group(self, files, self.groups[number], dimensions, ROWS_PER_BATCH, NAMES)


def find_features(uri: str, column: Column = FEATURES) -> Features:
    """Find the features in the Parquet files under `uri`, which may also be one file.

    If `uri` is the folder `parquet` of a run, the run's reference to the features store is included.

    Raises:
        JobError: There are no files or no rows, a file cannot be read or lacks a column, or the features store lacks
            rows that a reference names.
    """
    storage = locate_storage(uri)
    files = storage.open_filesystem()
    single = files.get_file_info(to_arrow_path(uri)).type == pafs.FileType.File
    paths = [to_arrow_path(uri)] if single else find_parquet_files(uri, files)
    folder, _, name = uri.rstrip("/").rpartition("/")
    if name == "parquet" and column == FEATURES:
        paths += find_parquet_files(join(folder, reference.FOLDER), files)
    if not paths:
        raise JobError(f"{uri} has no Parquet files: no file whose name ends in .parquet")

    def read_footer(path: str) -> list[tuple[RowGroup, tuple[str, str] | None]]:
        with name_file(uri, path), files.open_input_file(path) as source:
            file = pq.ParquetFile(source)
            groups = [RowGroup(path, n, file.metadata.row_group(n).num_rows) for n in range(file.num_row_groups)]
            store = reference.find_store(file.schema_arrow)
            if store is None:
                check_schema(file.schema_arrow, column)
                return [(group, None) for group in groups]
            names = reference.name_sources(file)
            return [(group, (store, name)) for group, name in zip(groups, names, strict=True)]

    footers = [pair for some in map_concurrently(read_footer, paths) for pair in some]
    sources = reference.find_sources(uri, (named for _, named in footers if named is not None))
    groups = tuple(
        group if named is None else replace(group, source=sources[named]) for group, named in footers if group.rows > 0
    )
    if not groups:
        raise JobError(f"{uri} has no rows in its {plural(len(paths), 'Parquet file')}")
    return Features(uri, storage, groups, column)


def check_schema(schema: pa.Schema, column: Column) -> None:
    """Refuse a file's schema that lacks a column, or whose features have a type that is not accepted.

    Raises:
        ValueError: The message continues the file's name.
    """
    for name in (*NAMES, column.name):
        found = schema.names.count(name)
        if found != 1:
            raise ValueError(
                f"has {'no' if found == 0 else found} column{'s' if found > 1 else ''} {name}; needed are path, label "
                f"and {column.name}, and it has {', '.join(schema.names[:20])}; --column names another one for features"
            )
    kind = schema.field(column.name).type
    if not is_vector(kind):
        raise ValueError(f"has the column {column.name} of type {kind}; needed is {FORMS}")


def _read_group(  # noqa: PLR0917
    features: Features,
    files: pafs.FileSystem,
    group: RowGroup,
    dimensions: int | None,
    batch_rows: int,
    names: tuple[str, ...] = (),
) -> Iterator[tuple[Rows, list[Vectors]]]:
    """Yield the features of a row group, and the columns `names` as strings, in batches of `batch_rows` rows."""
    if group.source is not None:
        yield from _read_referenced(features, files, group, dimensions, batch_rows, names)
        return
    column = features.column
    with name_file(features.uri, group.path), files.open_input_file(group.path) as source:
        file = pq.ParquetFile(source)
        first = 0
        # Reading whole row groups takes 1.5 times as long, because the process allocates new memory for each.
        for batch in file.iter_batches(batch_rows, [group.number], [*names, column.name], use_threads=False):
            try:
                rows = to_matrix(batch.column(column.name), dimensions, column.dtype)
            except BadVectorError as error:
                paths = file.read_row_group(group.number, ["path"], use_threads=False).column("path")
                raise _name_image(error, paths[first + error.row]) from None
            yield rows, [batch.column(name).cast(pa.string()) for name in names]
            first += len(rows)


def _read_referenced(  # noqa: PLR0917
    features: Features,
    files: pafs.FileSystem,
    group: RowGroup,
    dimensions: int | None,
    batch_rows: int,
    names: tuple[str, ...],
) -> Iterator[tuple[Rows, list[Vectors]]]:
    """Yield the same as `_read_group`, for a row group that only names rows of a features store."""
    assert group.source is not None
    with name_file(features.uri, group.path), files.open_input_file(group.path) as source:
        places = pq.ParquetFile(source).read_row_group(group.number, use_threads=False)
    stored = to_arrow_path(join(group.source.store, group.source.file))
    with name_file(group.source.store, stored):
        for some, vectors in reference.read_source(places, group.source):
            columns = some.combine_chunks()
            for first in range(0, len(vectors), batch_rows):
                try:
                    rows = to_matrix(vectors.slice(first, batch_rows), dimensions, None)
                except BadVectorError as error:
                    raise _name_image(error, columns.column("path")[first + error.row]) from None
                batch = columns.slice(first, batch_rows)
                yield rows, [batch.column(name).combine_chunks() for name in names]


def _name_image(error: BadVectorError, path: "pa.Scalar[Any]") -> ValueError:
    return ValueError(f"cannot be used: the features of {path.as_py()} {error.reason}")


@contextmanager
def name_file(uri: str, path: str) -> Iterator[None]:
    """Replace errors that occur while reading a file under `uri` by one line that names it; `path` is pyarrow's path.

    Raises:
        JobError: The file cannot be read, or a ValueError was raised. The message begins with the file's name.
    """
    name = f"{SCHEME if is_s3(uri) else ''}{path}"
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise JobError(
            f"{name} cannot be read as Parquet ({text}); write it again, or move it out of the folder"
        ) from None
    except ValueError as error:
        raise JobError(f"{name} {error}") from None
