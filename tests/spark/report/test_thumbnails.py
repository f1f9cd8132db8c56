import io
from pathlib import Path
from unittest.mock import patch

import numpy as np
from orchard.report import thumbnails as module
from orchard.report.thumbnails import COLUMNS, MAX_BYTES, MAX_THUMBNAILS, SIZE, compose, make_reading_task
from PIL import Image

from ..runs import encode, picture, plant

ODD_NAME = 'a "b" \n \u0627\u0644 🍏.jpg'


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

    found = dict(make_reading_task(paths, 39_999)(range(len(paths))))

    assert sorted(found) == [0, 4]
    assert {pixels.shape for pixels in found.values()} == {(SIZE, SIZE, 3)}
    assert found[0][24, 24].tolist() == [255, 0, 0]
    assert found[4][24, 24].tolist() == [128, 128, 128]


def test_a_task_out_of_time_leaves_the_rest_out(tmp_path: Path) -> None:
    path = str(plant(tmp_path, "1.png", encode(picture(1), "PNG")))

    with patch.object(module, "TASK_SECONDS", -1):
        assert list(make_reading_task([path], 10**6)([0])) == []


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
