"""Writes features stores into a folder, for stored-images.test.ts.

Usage: python make_store.py FOLDER, with the JSON {store: {"files": {name: [[path, etag, reason], …]}, "indexed":
[[name, …], …], "record": {…}}} on standard input: a record for each list of indexed files, and one with given content.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[3] / "spark"))
from orchard.io.local import LocalStorage
from orchard.store import keys
from orchard.store.records import Record, name_record, now, parse_record, write_record
from orchard.store.writing import STORE_SCHEMA


def main(folder: Path, content: dict[str, Any]) -> None:
    folder.mkdir(parents=True)
    for name, rows in content["files"].items():
        columns = [
            [row[0] for row in rows],
            [row[1] for row in rows],
            [[0.5] * 1280 if row[2] is None else None for row in rows],
            [row[2] for row in rows],
        ]
        table = pa.table([pa.array(c, f.type) for c, f in zip(columns, STORE_SCHEMA, strict=True)], schema=STORE_SCHEMA)
        pq.write_table(table, folder / name, use_dictionary=False)
    for names in content.get("indexed", []):
        tables = [keys.read_file_keys(pafs.LocalFileSystem(), str(folder), name) for name in names]
        record = name_record("run")
        keys.write_keys(pa.concat_tables(tables), str(folder / f"{record}-00000.parquet"), LocalStorage())
        write_record(str(folder), record, Record(now(), covers=tuple(names), keys=(f"{record}-00000.parquet",)))
    if "record" in content:
        write_record(str(folder), name_record("run"), parse_record({"at": now(), **content["record"]}))


if __name__ == "__main__":
    for store, content in json.load(sys.stdin).items():
        main(Path(sys.argv[1]) / store, content)
