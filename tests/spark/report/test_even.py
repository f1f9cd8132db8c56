from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orchard.report.even import find_quotas, find_thresholds
from orchard.selection import digest, select_evenly


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 9), max_size=6), st.integers(0, 40))
def test_quotas_are_the_numbers_that_an_even_selection_has(counts: dict[str, int], limit: int) -> None:
    labels = [label for label, count in counts.items() for _ in range(count)]
    selected = select_evenly(labels, [digest(str(n)) for n in range(len(labels))], limit)

    quotas = find_quotas(counts, limit)

    assert {label: quota for label, quota in quotas.items() if quota} == Counter(labels[n] for n in selected)
    assert quotas.keys() == counts.keys()


@pytest.mark.parametrize("limit", [0, 3, 50, 700, 20_000])
def test_few_images_are_below_the_thresholds_and_the_selected_ones_among_them(limit: int) -> None:
    counts = {"many": 6_000, "some": 300, "one": 1}
    images = [(label, f"{label}/{n}.jpg") for label, count in counts.items() for n in range(count)]
    selected = select_evenly([label for label, _ in images], [digest(path) for _, path in images], limit)

    thresholds = find_thresholds(counts, limit)

    below = [n for n, (label, path) in enumerate(images) if digest(path) < thresholds[label]]
    assert set(selected) <= set(below)
    assert len(below) <= min(len(images), 1.5 * limit + 10)
