import io
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow.parquet as pq
from orchard.io.local import LocalStorage
from orchard.pack import shards
from orchard.pack.packing import pack
from orchard.pack.reading import locate_images
from orchard.plan import Plan, read_plan
from orchard.report import thumbnails as module
from orchard.report.thumbnails import (
    COLUMNS,
    MAX_BYTES,
    MAX_THUMBNAILS,
    SIZE,
    compose,
    make_reading_task,
    order_for_reading,
)
from orchard.tree import parse_tree_rules
from PIL import Image

from ..runs import TREE_RULES, encode, picture, plant, write_plan

RULES = parse_tree_rules({"layout": "split/label", **TREE_RULES})
ODD_NAME = 'a "b" \n \u0627\u0644 🍏.jpg'


def make_plan(folder: Path) -> Plan:
    """Return the plan of a run on local images."""
    return read_plan(str(write_plan(folder / "run", folder)))


def test_images_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    red = encode(Image.new("RGB", (30, 90), "red"), "PNG")
    contents = {
        ODD_NAME: red,
        "truncated.jpg": encode(picture(1))[:900],
        "empty.jpg": b"",
        "large.png": encode(Image.new("L", (200, 200)), "PNG"),
        "gray.png": encode(Image.new("I;16", (9, 9), 0x8000), "PNG"),
    }
    paths = [str(plant(tmp_path, name, content)) for name, content in contents.items()]
    paths += [str(tmp_path / "missing.jpg"), str(tmp_path)]

    plan = replace(make_plan(tmp_path), max_pixels=39_999)
    found = dict(make_reading_task(paths, LocalStorage(), plan)(range(len(paths))))

    assert sorted(found) == [0, 4]
    assert {pixels.shape for pixels in found.values()} == {(SIZE, SIZE, 3)}
    assert found[0][24, 24].tolist() == [255, 0, 0]
    assert found[4][24, 24].tolist() == [128, 128, 128]


def test_a_task_out_of_time_leaves_the_rest_out(tmp_path: Path) -> None:
    path = str(plant(tmp_path, "1.png", encode(picture(1), "PNG")))

    with patch.object(module, "TASK_SECONDS", -1):
        assert list(make_reading_task([path], LocalStorage(), make_plan(tmp_path))([0])) == []


def test_photos_are_turned_upright_if_the_model_gets_them_so(tmp_path: Path) -> None:
    halves = Image.new("RGB", (90, 90), "blue")
    halves.paste("red", (0, 0, 90, 45))
    exif = halves.getexif()
    exif[0x0112] = 3  # upside down
    path = str(plant(tmp_path, "1.png", encode(halves, "PNG", exif=exif)))
    plan = make_plan(tmp_path)

    shown = {}
    for rotates in (False, True):
        [(_, pixels)] = make_reading_task([path], LocalStorage(), replace(plan, exif_rotation=rotates))([0])
        shown[rotates] = pixels[8, 24].tolist()

    assert shown == {False: [255, 0, 0], True: [0, 0, 255]}


def test_images_of_a_pack_are_read_in_the_order_of_its_row_groups(tmp_path: Path) -> None:
    names = [f"Training/A/{n}.png" for n in range(30)]
    for n, name in enumerate(names):
        plant(tmp_path / "tree", name, encode(Image.new("RGB", (9, 9), (8 * n, 0, 0)), "PNG"))
    root = str(tmp_path / "pack")
    with patch.object(shards, "GROUP_ROWS", 4):
        pack(str(tmp_path / "tree"), root, RULES, lambda *_: None)
    plan = replace(make_plan(tmp_path), image_tree=root, packed=True)
    paths = [f"{root}/{name}" for name in names]
    numbers = order_for_reading(paths, plan)

    with patch.object(
        pq.ParquetFile, "read_row_group", autospec=True, side_effect=pq.ParquetFile.read_row_group
    ) as read:
        found = dict(make_reading_task(paths, locate_images(plan), plan)(numbers))

    assert {n: int(pixels[24, 24, 0]) for n, pixels in found.items()} == {n: 8 * n for n in range(30)}
    assert read.call_count == 8


def test_a_thumbnail_is_in_its_row_and_column() -> None:
    gray = [np.full((SIZE, SIZE, 3), 10 * number, np.uint8) for number in range(5)]

    image = Image.open(io.BytesIO(compose(gray, 3)))

    assert image.size == (3 * SIZE, 2 * SIZE)
    centers = [image.getpixel((SIZE * column + 24, SIZE * row + 24)) for row in range(2) for column in range(3)]
    for center, value in zip(centers, [0, 10, 20, 30, 40, 255], strict=True):
        assert np.abs(np.array(center) - value).max() <= 2


def test_even_noise_fits() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (MAX_THUMBNAILS, SIZE, SIZE, 3), np.uint8)

    assert len(compose(list(noise), COLUMNS)) <= MAX_BYTES
