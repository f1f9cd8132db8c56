"""The records in a store's folder `_index/`, and the state of the store's files by these records and a listing.

A record is a JSON file that appears whole and never changes. Runs only add records, so concurrent ones do not disturb
each other; where two say different things about a file, the newer one holds.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from orchard.errors import JobError
from orchard.io.backend import Storage, StoredFile
from orchard.io.storage import locate_storage, map_concurrently
from orchard.io.uri import join
from orchard.store.writing import name_file

INDEX = "_index"
# A file is deleted this long after a record has replaced it. Runs that began before the record have ended by then: no
# execution takes more than 40 hours.
GRACE = timedelta(days=3)
# A file that no run has used for this long has only images that were deleted, were changed, or are of no interest. A
# run's reference holds for 80 days (lambdas/contract/choices.ts), and the recorded use may be a week older than the run
# (USE_HOLDS). Both together are shorter than this time.
EXPIRY = timedelta(days=90)


@dataclass(frozen=True)
class Record:
    """Describes what a run found out about the store, or changed in it. File names are relative to the store.

    `keys` are the index files with the keys of the files in `covers`. `moved` maps a file to the file that now has its
    rows, and to the row at which they begin there. `expired` maps files that readers must not use any more to the time
    of the record, and `used` maps files that a run took rows from to the time of their use. `replaces` names older
    records, which this one repeats. Times are in ISO 8601.
    """

    at: str
    covers: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    moved: Mapping[str, "Move"] = field(default_factory=dict)
    expired: Mapping[str, str] = field(default_factory=dict)
    used: Mapping[str, str] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()


class Move(NamedTuple):
    """The file that now has a moved file's rows, the row at which they begin there, and the time of the record."""

    file: str
    first_row: int
    at: str


class Place(NamedTuple):
    """The file in which a file's rows can be read, from `first_row` on: itself, or the one into which it was merged."""

    file: str
    first_row: int


@dataclass(frozen=True)
class Contents:
    """The files of a store. `files` has the listing by name; `records` has the valid records from old to new."""

    uri: str
    files: Mapping[str, StoredFile]
    records: Mapping[str, Record]
    moved: Mapping[str, Move]
    expired: Mapping[str, str]

    def find_uncovered(self) -> list[str]:
        """Return the names of the files whose keys no record has, sorted."""
        covered = {name for record in self.records.values() for name in record.covers}
        # A merged file is covered if all its inputs are covered.
        merged = {move.file for move in self.moved.values()}
        merged -= {move.file for name, move in self.moved.items() if name not in covered}
        return [name for name in self.data_files() if name not in covered | merged | self.expired.keys()]

    def data_files(self) -> list[str]:
        """Return the names of the files that have features, sorted: from old to new."""
        return sorted(name for name in self.files if is_data_file(name))

    @cached_property
    def places(self) -> dict[str, Place]:
        """Return the places where the rows of each file can be read. Files whose rows are gone are missing."""
        places = {name: self._find_place(name) for name in {*self.data_files(), *self.moved}}
        return {name: place for name, place in places.items() if place is not None}

    def _find_place(self, name: str) -> Place | None:
        if name in self.expired:
            return None
        move = self.moved.get(name)
        if move is not None and (place := self._find_place(move.file)) is not None:
            return Place(place.file, place.first_row + move.first_row)
        return Place(name, 0) if name in self.files else None


def is_data_file(name: str) -> bool:
    """Return whether a file has features, by its name. Others belong to the index or to an unfinished write."""
    return name.endswith(".parquet") and not name.startswith(("_", "."))


def read_contents(uri: str) -> Contents:
    """List a store's files, and read its records."""
    storage = locate_storage(uri)
    folder = join(uri, "")
    files = {file.path.removeprefix(folder): file for file in storage.list_files(uri, deep=True)}
    names = sorted(name for name in files if name.startswith(f"{INDEX}/") and name.endswith(".json"))
    found = map_concurrently(lambda name: _read_record(storage, join(uri, name)), names)
    records = {name: record for name, record in zip(names, found, strict=True) if record is not None}
    replaced = {name for record in records.values() for name in record.replaces}
    # A record is not valid if somebody has deleted its files of keys: the files that it covered are read again.
    valid = {
        name: record
        for name, record in records.items()
        if name not in replaced and all(key_file in files for key_file in record.keys)
    }
    moved: dict[str, Move] = {}
    expired: dict[str, str] = {}
    for record in valid.values():
        moved.update(record.moved)
        expired.update(record.expired)
    # One run may use a file while another one lets it expire: neither knows of the other's record. The use counts.
    for name, at in merge_used(valid.values()).items():
        while name in moved:
            name = moved[name].file  # noqa: PLW2901
        if name in expired and datetime.fromisoformat(expired[name]) - datetime.fromisoformat(at) < EXPIRY:
            del expired[name]
    return Contents(uri, files, valid, moved, expired)


def name_record(run_id: str) -> str:
    """Return the name of a new record, without its ending. Its files of keys have names that begin with it."""
    return f"{INDEX}/{name_file(datetime.now(UTC), run_id, 0)}"


def write_record(uri: str, name: str, record: Record) -> None:
    """Add a record to a store, when all files that it names have been written."""
    locate_storage(uri).write_bytes(join(uri, f"{name}.json"), json.dumps(format_record(record)).encode())


def now() -> str:
    """Return the present time in the format of records."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def is_past(time: str, age: timedelta) -> bool:
    """Return whether a record's time is longer ago than `age`."""
    return datetime.now(UTC) - datetime.fromisoformat(time) > age


def _read_record(storage: Storage, uri: str) -> Record | None:
    """Return a record; None if another run has deleted it since the listing, because a newer one repeats it."""
    try:
        content = storage.read_bytes(uri)
    except JobError:
        return None
    return parse_record(json.loads(content))


def format_record(record: Record) -> dict[str, object]:
    """Return the JSON of a record, without its empty parts. Preflight reads it, too."""
    content = {name: value for name, value in asdict(record).items() if value}
    return {"version": 1, **content}


def parse_record(document: Mapping[str, Any]) -> Record:
    """Convert the JSON of a record; keys that it lacks are empty."""
    return Record(
        at=document["at"],
        covers=tuple(document.get("covers", ())),
        keys=tuple(document.get("keys", ())),
        moved={name: Move(*move) for name, move in document.get("moved", {}).items()},
        expired=document.get("expired", {}),
        used=document.get("used", {}),
        replaces=tuple(document.get("replaces", ())),
    )


def merge_used(records: Iterable[Record]) -> dict[str, str]:
    """Return the last use of each file."""
    used: dict[str, str] = {}
    for record in records:
        for name, at in record.used.items():
            used[name] = max(at, used.get(name, ""))
    return used
