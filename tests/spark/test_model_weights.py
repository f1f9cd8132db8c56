"""Files of weights: downloading them from a local server, and reading both formats of Keras."""

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import h5py
import keras_models
import model_weights
import numpy as np
import pytest
from model_weights import DownloadError, ModelError, WeightsFile, download, find_weights, read_weights

Change = Callable[[h5py.File], None]
CONTENT = bytes(range(256)) * 1000


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Serve CONTENT, and failures under paths that name them."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/missing":
                self.send_error(404)
            elif path == "/silent":
                ended.wait(30)
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                self.send_content(path)

        def send_content(self, path: str) -> None:
            if path == "/slow":
                # The client gives up, which ends the connection.
                with contextlib.suppress(OSError):
                    for byte in CONTENT:
                        self.wfile.write(bytes([byte]))
                        ended.wait(0.01)
            else:
                self.wfile.write(CONTENT[:1000] if path in ("/broken", "/stalled") else CONTENT)
            if path == "/stalled":
                ended.wait(30)

        def log_message(self, format: str, *values: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}"
    ended.set()
    http.shutdown()
    http.server_close()


@pytest.fixture(autouse=True)
def own_keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("ORCHARD_WEIGHTS_URL", raising=False)


def test_a_download_is_complete(server: str, tmp_path: Path) -> None:
    download(f"{server}/weights.h5", tmp_path / "weights.h5")

    assert (tmp_path / "weights.h5").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "limits", "message"),
    [
        ("missing", {}, "404"),
        ("broken", {}, "ended after 1000 of 256000 bytes"),
        ("silent", {"stall": 0.2}, "timed out"),
        ("stalled", {"stall": 0.2}, "timed out"),
        ("slow", {"limit": 0.2}, "too slow"),
    ],
)
def test_a_failed_download_leaves_no_file(
    server: str, tmp_path: Path, path: str, limits: dict[str, float], message: str
) -> None:
    with pytest.raises(DownloadError, match=f"^{server}/{path}.*{message}"):
        download(f"{server}/{path}?secret", tmp_path / "weights.h5", **limits)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/weights.h5", "/weights.h5"])
def test_an_address_without_a_server_is_named(url: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=url):
        download(url, tmp_path / "weights.h5")


def test_the_weights_of_the_variable_precede_those_in_the_cache(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = model_weights.keras_cache() / "of-keras.h5"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"of Keras")

    assert find_weights(None, tmp_path, lambda: "http://host/of-keras.h5") == WeightsFile(cached, "imagenet")
    monkeypatch.setenv("ORCHARD_WEIGHTS_URL", f"{server}/weights.h5")
    found = find_weights(None, tmp_path, lambda: "http://host/of-keras.h5")

    assert (found.origin, found.path.read_bytes()) == ("file", CONTENT)
    assert cached.read_bytes() == b"of Keras"


def test_a_download_from_keras_is_kept_in_its_cache(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DownloadError):
        find_weights(None, tmp_path, lambda: f"{server}/broken")
    assert not model_weights.keras_cache().exists()

    found = find_weights(None, tmp_path, lambda: f"{server}/weights.h5")

    assert found == WeightsFile(model_weights.keras_cache() / "weights.h5", "imagenet")
    assert found.path.read_bytes() == CONTENT
    assert [path.name for path in found.path.parent.iterdir()] == ["weights.h5"]


def test_a_cache_that_cannot_be_written_is_reported(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(os.environ["KERAS_HOME"]).write_text("a file")

    assert find_weights(None, tmp_path, lambda: f"{server}/weights.h5") == WeightsFile(
        tmp_path / "weights.h5", "imagenet"
    )
    assert "not kept in Keras's cache" in capsys.readouterr().err


def test_another_digest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    path.write_bytes(b"weights")
    sha256 = hashlib.sha256(b"weights").hexdigest()

    assert model_weights.check_digest(WeightsFile(path, "file"), sha256.upper()) == sha256
    with pytest.raises(ModelError, match=f"{path} have the sha256 {sha256}, expected {'0' * 64}"):
        model_weights.check_digest(WeightsFile(path, "file"), "0" * 64)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.h5 are not a file"):
        find_weights(tmp_path / "none.h5", tmp_path, lambda: "http://host/of-keras.h5")


@pytest.fixture(scope="module")
def model() -> Any:
    return keras_models.build()


@pytest.fixture(scope="module")
def files(model: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write the weights of the model in each format: the older one of a whole model, of weights alone, and today's."""
    folder = tmp_path_factory.mktemp("weights")
    paths = {name: folder / name for name in ("whole.h5", "older.h5", "current.weights.h5")}
    model.save(paths["whole.h5"])
    model.save_weights(paths["current.weights.h5"])
    with h5py.File(paths["whole.h5"]) as whole, h5py.File(paths["older.h5"], "w") as older:
        for name, group in whole["model_weights"].items():
            whole.copy(group, older, name)
        for name, value in whole["model_weights"].attrs.items():
            older.attrs[name] = value
    return paths


FORMATS = ("whole.h5", "older.h5", "current.weights.h5")


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_gives_the_weights_of_keras(model: Any, files: dict[str, Path], format: str) -> None:
    found = read_weights(files[format], model, "MobileNetV2")

    expected = model.get_weights()
    assert len(found) == len(expected)
    assert all(np.array_equal(*pair) for pair in zip(found, expected, strict=True))


def reshape_older(file: h5py.File) -> None:
    group = file["block_3_project"]
    name = group.attrs["weight_names"][0]
    del group[name]
    group[name] = np.zeros((1, 1, 144, 24), np.float32)


def remove_last_older(file: h5py.File) -> None:
    file.attrs["layer_names"] = [name for name in file.attrs["layer_names"] if np.bytes_(name) != b"Conv_1_bn"]


def add_older(file: h5py.File) -> None:
    group = file.create_group("Logits")
    group["kernel"] = np.zeros((1280, 1000), np.float32)
    group.attrs["weight_names"] = ["kernel"]
    file.attrs["layer_names"] = [*(np.bytes_(name) for name in file.attrs["layer_names"]), b"Logits"]


def group_of(file: h5py.File, layer: str) -> Any:
    return next(group for group in file["layers"].values() if group["vars"].attrs["name"] == layer)


def reshape_current(file: h5py.File) -> None:
    variables = group_of(file, "block_3_project")["vars"]
    del variables["0"]
    variables["0"] = np.zeros((1, 1, 144, 24), np.float32)


def remove_current(file: h5py.File) -> None:
    del group_of(file, "Conv_1_bn")["vars"]["0"]


def remove_group(file: h5py.File) -> None:
    del file[group_of(file, "Conv_1_bn").name]


def add_current(file: h5py.File) -> None:
    file["layers/dense/vars/0"] = np.zeros((1280, 1000), np.float32)


@pytest.mark.parametrize(
    ("format", "change_and_message"),
    [
        ("older.h5", (reshape_older, r"at the layer block_3_project: shapes .*24\)\], expected .*32\)\]")),
        ("older.h5", (remove_last_older, "no weights for the layer Conv_1_bn")),
        ("older.h5", (add_older, "for the layer Logits, which the model does not have.*include_top=False")),
        ("current.weights.h5", (reshape_current, r"at the layer block_3_project: shapes .*24\)\], expected .*32\)\]")),
        ("current.weights.h5", (remove_current, "at the layer Conv_1_bn: shapes")),
        ("current.weights.h5", (remove_group, "no weights for the layer Conv_1_bn")),
        ("current.weights.h5", (add_current, "for the layer dense, which the model does not have.*include_top=False")),
    ],
)
def test_the_first_layer_that_does_not_fit_is_named(
    model: Any, files: dict[str, Path], tmp_path: Path, format: str, change_and_message: tuple[Change, str]
) -> None:
    change, message = change_and_message
    changed = tmp_path / "changed.h5"
    changed.write_bytes(files[format].read_bytes())
    with h5py.File(changed, "a") as file:
        change(file)

    with pytest.raises(ModelError, match=message):
        read_weights(changed, model, "MobileNetV2")


@pytest.mark.parametrize("size", [0, 100, 5000, 1_000_000, 9_000_000])
@pytest.mark.parametrize("format", FORMATS)
def test_a_truncated_file_is_refused(
    model: Any, files: dict[str, Path], tmp_path: Path, format: str, size: int
) -> None:
    cut = tmp_path / "cut.h5"
    cut.write_bytes(files[format].read_bytes()[:size])

    with pytest.raises(ModelError, match="cannot be read; delete or replace the file"):
        read_weights(cut, model, "MobileNetV2")


def test_hdf5_of_another_kind_is_refused(model: Any, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["numbers"] = [1, 2]

    with pytest.raises(ModelError, match=r"no weights of Keras; allowed: Keras's \.h5 or \.weights\.h5"):
        read_weights(other, model, "MobileNetV2")
