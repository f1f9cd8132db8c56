import pytest
from orchard.report.even import find_thresholds
from orchard.selection import digest, select_evenly


@pytest.mark.parametrize("limit", [0, 3, 50, 700, 20_000])
def test_few_images_are_below_the_thresholds_and_the_selected_ones_among_them(limit: int) -> None:
    counts = {"many": 6_000, "some": 300, "one": 1}
    images = [(label, f"{label}/{n}.jpg") for label, count in counts.items() for n in range(count)]
    selected = select_evenly([label for label, _ in images], [digest(path) for _, path in images], limit)

    thresholds = find_thresholds(counts, limit)

    below = [n for n, (label, path) in enumerate(images) if digest(path) < thresholds[label]]
    assert set(selected) <= set(below)
    assert len(below) <= min(len(images), 1.5 * limit + 10)
