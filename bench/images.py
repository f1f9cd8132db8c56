"""Finds the images of a folder, or generates some."""

import io
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

SUFFIXES = (".jpg", ".jpeg", ".png")
LABELS = 100


def find(folder: Path) -> list[Path]:
    """Return all images under `folder`, at any depth, sorted."""
    found = [
        Path(parent, name) for parent, _, names in os.walk(folder) for name in names if name.lower().endswith(SUFFIXES)
    ]
    return sorted(found)


def generate(folder: Path, count: int) -> Path:
    """Return the folder of `count` different JPEGs of 100 x 100 pixels, creating it if it does not exist.

    The images are the same on each call, at Training/<label>/<number>_100.jpg like those of the Fruits-360 dataset.
    """
    target = folder / f"images-{count}"
    if target.exists():
        return target
    partial = folder / f"images-{count}.partial"
    for label in range(min(count, LABELS)):
        (partial / "Training" / f"Fruit {label}").mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(_write, [(partial, number) for number in range(count)], chunksize=100):
            pass
    return partial.rename(target)


def _write(job: tuple[Path, int]) -> None:
    folder, number = job
    path = folder / "Training" / f"Fruit {number % LABELS}" / f"{number}_100.jpg"
    content = io.BytesIO()
    picture(number).save(content, "JPEG", quality=90)
    path.write_bytes(content.getvalue())


def picture(seed: int) -> Image.Image:
    """Draw a shaded, speckled disc on white, 100 x 100 pixels. Each seed gives a different one."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:100, 0:100].astype(np.float32)
    distance = np.hypot(x - random.uniform(40, 60), y - random.uniform(40, 60)) / random.uniform(25, 48)
    shade = 1.1 - 0.5 * distance + 0.15 * np.sin(x / random.uniform(2, 9) + y / random.uniform(2, 9))
    colour = random.uniform(30, 220, 3).astype(np.float32) + random.normal(0, 6, (100, 100, 1)).astype(np.float32)
    pixels = np.where(distance[..., None] < 1, colour * shade[..., None], 255)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
