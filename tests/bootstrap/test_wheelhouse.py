import importlib.util
import os
import tarfile
from pathlib import Path

import pytest

# bootstrap/ is not a package: its files are scripts.
_spec = importlib.util.spec_from_file_location("wheelhouse", Path(__file__).parents[2] / "bootstrap" / "wheelhouse.py")
assert _spec is not None
assert _spec.loader is not None
wheelhouse = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(wheelhouse)


def write_files(folder: Path, names: list[str], modified: int) -> None:
    folder.mkdir()
    for name in names:
        (folder / name).write_text(f"content of {name}")
        os.utime(folder / name, (modified, modified))


def test_equal_files_give_identical_archives(tmp_path: Path) -> None:
    write_files(tmp_path / "one", ["b.whl", "a.whl", "requirements.txt"], 1_000)
    write_files(tmp_path / "two", ["requirements.txt", "a.whl", "b.whl"], 2_000)
    (tmp_path / "two" / "a.whl").chmod(0o600)

    for name in ("one", "two"):
        wheelhouse.pack(tmp_path / name, tmp_path / f"{name}.tar")

    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as tar:
        assert tar.getnames() == ["a.whl", "b.whl", "requirements.txt"]
        assert {(entry.mtime, entry.uid, entry.gid) for entry in tar} == {(0, 0, 0)}


def test_an_archive_that_is_up_to_date_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def download(requirements: Path, platforms: list[str], output: Path) -> None:
        calls.append(platforms)
        (output / "a.whl").write_bytes(b"wheel")

    monkeypatch.setattr(wheelhouse, "download", download)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("one")
    output = tmp_path / "wheelhouse"

    first = wheelhouse.make(requirements, [], output)
    assert wheelhouse.make(requirements, [], output) == first
    assert calls == [[]]
    wheelhouse.make(requirements, ["manylinux_2_28_x86_64"], output)
    requirements.write_text("two")
    wheelhouse.make(requirements, ["manylinux_2_28_x86_64"], output)

    assert len(calls) == 3
    assert sorted(path.name for path in output.iterdir()) == [wheelhouse.STAMP, wheelhouse.ARCHIVE]
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_failed_download_keeps_the_old_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("one")
    monkeypatch.setattr(wheelhouse, "download", lambda requirements, platforms, output: None)
    wheelhouse.make(requirements, [], tmp_path / "wheelhouse")
    before = (tmp_path / "wheelhouse" / wheelhouse.ARCHIVE).read_bytes()

    def fail(requirements: Path, platforms: list[str], output: Path) -> None:
        raise wheelhouse.WheelhouseError("no network")

    monkeypatch.setattr(wheelhouse, "download", fail)
    requirements.write_text("two")
    arguments = ["--output", str(tmp_path / "wheelhouse"), "--requirements", str(requirements)]

    assert wheelhouse.main(arguments) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "orchard: error: no network"
    assert (tmp_path / "wheelhouse" / wheelhouse.ARCHIVE).read_bytes() == before


def test_the_lock_has_a_hash_for_every_package() -> None:
    lines = wheelhouse.REQUIREMENTS.read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith((" ", "#"))]

    assert packages
    assert all("==" in line and line.endswith("\\") for line in packages)
    assert sum("--hash=sha256:" in line for line in lines) >= len(packages)


def test_wheels_for_a_node_match_its_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requested: list[list[str]] = []
    monkeypatch.setattr(wheelhouse, "download", lambda _requirements, platforms, _output: requested.append(platforms))

    for architecture in ("x86_64", "arm64"):
        assert wheelhouse.main(["--arch", architecture, "--output", str(tmp_path / architecture)]) == 0

    assert [platforms[0] for platforms in requested] == ["manylinux_2_34_x86_64", "manylinux_2_34_aarch64"]
    # infra/config/artifacts.ts reads the architecture from this file.
    assert "aarch64" in (tmp_path / "arm64" / wheelhouse.STAMP).read_text()
