"""Packing image trees."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_pack import main
from orchard.errors import JobError
from orchard.fingerprint import add_up, format_fingerprint
from orchard.io.local import LocalStorage
from orchard.pack import shards
from orchard.pack.manifest import SCHEMA, Shard
from orchard.pack.packing import keep_shard, pack
from orchard.selection import digest
from orchard.tree import TreeRules

RULES = TreeRules("split/label", (".jpg",), ("__MACOSX",))
FILES = {
    f"{split}/{label}/{n}.jpg": f"{split} {label} {n}".encode() * 20
    for split in "ab"
    for label in "xyz"
    for n in range(5)
}
OTHERS = ("a/x/notes.txt", "a/1.jpg", "a/x/.hidden.jpg")


def ignore(phase: str, done: int, total: int) -> None:
    """Receive the progress, and do nothing."""


def write_tree(root: Path) -> str:
    """Write FILES and OTHERS below a folder."""
    for path, content in {**FILES, **dict.fromkeys(OTHERS, b"-")}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return str(root)


def read_pack(folder: Path) -> list[dict[str, object]]:
    """Return the rows of a pack's shards, in the order of pack.json."""
    manifest = json.loads((folder / "pack.json").read_text("utf-8"))
    return [row for shard in manifest["shards"] for row in pq.read_table(folder / shard["name"]).to_pylist()]


def test_a_pack_has_each_image_with_its_content_in_the_order_of_the_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "GROUP_ROWS", 4)
    target = tmp_path / "pack"

    manifest = pack(write_tree(tmp_path / "tree"), str(target), RULES, ignore, shard_bytes=3000)

    rows = read_pack(target)
    assert [row["path"] for row in rows] == sorted(FILES, key=digest)
    assert {row["path"]: row["content"] for row in rows} == FILES
    assert all(row["path"].startswith(f"{row['split']}/{row['label']}/") for row in rows)  # type: ignore[attr-defined]
    assert all(row["etag"] == hashlib.md5(FILES[str(row["path"])], usedforsecurity=False).hexdigest() for row in rows)
    assert len(manifest.shards) > 1
    for shard in manifest.shards:
        file = pq.ParquetFile(target / shard.name)
        assert file.schema_arrow.equals(SCHEMA)
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        assert max(group.num_rows for group in groups) <= 4
        assert {group.column(6).compression for group in groups} == {"UNCOMPRESSED"}


def test_the_manifest_counts_images_by_split_and_label_and_what_is_left_out(tmp_path: Path) -> None:
    manifest = pack(write_tree(tmp_path / "tree"), str(tmp_path / "pack"), RULES, ignore)

    assert (manifest.images, manifest.bytes) == (len(FILES), sum(map(len, FILES.values())))
    expected = Counter(tuple(path.split("/")[:2]) for path in FILES)
    assert {(group.split, group.label): group.images for group in manifest.groups} == expected
    rows = read_pack(tmp_path / "pack")
    for group in manifest.groups:
        mine = [
            (str(row["path"]), str(row["etag"]))
            for row in rows
            if (row["split"], row["label"]) == (group.split, group.label)
        ]
        assert group.fingerprint == format_fingerprint(add_up(mine))
    assert {each.reason: each.examples for each in manifest.leftOut} == {
        "ending": ["a/x/notes.txt"],
        "shallow": ["a/1.jpg"],
        "hidden": ["a/x/.hidden.jpg"],
    }


def test_an_interruption_leaves_no_manifest_and_the_next_pack_is_the_same_as_without(tmp_path: Path) -> None:
    tree, target = write_tree(tmp_path / "tree"), tmp_path / "pack"
    whole = pack(tree, str(tmp_path / "whole"), RULES, ignore)
    pack(tree, str(target), RULES, ignore)

    def interrupt(phase: str, done: int, total: int) -> None:
        if phase == "pack" and done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(tree, str(target), RULES, interrupt, force=True)
    assert not (target / "pack.json").exists()
    assert pack(tree, str(target), RULES, ignore) == whole


def test_a_shard_that_was_not_written_as_it_is_read_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "pack"

    def damage(folder: str, shard: Shard, *rest: Any) -> None:
        """Change a byte of the shard's content before it is verified."""
        file = target / shard.name
        content = bytearray(file.read_bytes())
        content[content.index(b"a x 1")] ^= 1
        file.write_bytes(content)
        shards.verify_shard(folder, shard, *rest)

    tree = write_tree(tmp_path / "tree")
    monkeypatch.setattr("orchard.pack.packing.verify_shard", damage)

    with pytest.raises(JobError, match=r"00000\.parquet has 30 rows and the sha256"):
        pack(tree, str(target), RULES, ignore)
    assert not (target / "pack.json").exists()


def test_a_complete_pack_and_other_files_are_not_overwritten(tmp_path: Path) -> None:
    tree, target = write_tree(tmp_path / "tree"), tmp_path / "pack"
    pack(tree, str(target), RULES, ignore)

    with pytest.raises(JobError, match=r"is a pack already\. --force replaces it"):
        pack(tree, str(target), RULES, ignore)
    (target / "thesis.txt").write_text("x", "utf-8")
    with pytest.raises(JobError, match=r"has 'thesis\.txt', which belongs to no pack"):
        pack(tree, str(target), RULES, ignore, force=True)
    assert len(read_pack(target)) == len(FILES)


def test_a_folder_in_the_tree_is_refused(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")

    for target in (tree, f"{tree}/pack"):
        with pytest.raises(JobError, match="Give a folder outside"):
            pack(tree, target, RULES, ignore)


def test_a_tree_without_images_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = json.dumps({"layout": "label", "imageEndings": [".jpg"], "hiddenFolders": []})

    code = main(["--source", f"{tmp_path}/none/", "--target", f"{tmp_path}/pack", "--rules", rules])

    assert code == 1
    assert capsys.readouterr().err == f"{tmp_path}/none has no image (.jpg) at <label>/<image>\n"


def test_an_image_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    last = max(FILES, key=digest)

    def remove_last(phase: str, done: int, total: int) -> None:
        if phase == "pack":
            (tmp_path / "tree" / last).unlink(missing_ok=True)

    manifest = pack(tree, str(tmp_path / "pack"), RULES, remove_last)

    assert manifest.images == len(FILES) - 1
    assert {each.reason: each.examples for each in manifest.leftOut}["unreadable"] == [last]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40))
def test_row_groups_keep_to_their_bounds(sizes: list[int]) -> None:
    written: list[list[int]] = []

    class Recording(shards.ShardWriter):
        def _write_group(self) -> None:
            written.append([len(row.content) for row in self._waiting])
            self._waiting, self._waiting_bytes = [], 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "GROUP_ROWS", 5)
        patch.setattr(shards, "GROUP_BYTES", 20)
        writer = Recording("", LocalStorage().open_filesystem(), keep_shard)
        for size in sizes:
            writer.add(shards.Row("", "", "", size, None, "", b"x" * size))  # type: ignore[arg-type]
        writer.finish()

    assert [size for group in written for size in group] == sizes
    assert all(len(group) <= 5 and (sum(group) <= 20 or len(group) == 1) for group in written)
