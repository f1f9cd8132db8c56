from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from orchard.report import neighbours as module
from orchard.report.neighbours import (
    NEIGHBOURS,
    count_confusions,
    find_neighbours,
    measure_agreement,
    measure_silhouette,
)

# Whole numbers, so that many distances are equal, also 0; up to 12 rows in blocks of 3.
ROWS = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float64, (n, 2), elements=st.integers(-3, 3)), hnp.arrays(np.int64, n, elements=st.integers(0, 3))
    )
)
IN_BLOCKS = patch.object(module, "BLOCK_ROWS", 3)


def distances_of(rows: Any) -> Any:
    distances = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return distances


@given(ROWS)
def test_neighbours_are_the_nearest_other_images(case: tuple[Any, Any]) -> None:
    rows, _ = case
    distances = distances_of(rows)
    count = min(NEIGHBOURS, len(rows) - 1)

    with IN_BLOCKS:
        found = find_neighbours(rows)

    assert found.positions.shape == found.distances.shape == (len(rows), count)
    np.testing.assert_allclose(found.distances, np.sort(distances, axis=1)[:, :count], atol=1e-12)
    np.testing.assert_array_equal(found.distances, np.take_along_axis(distances, found.positions, axis=1))
    assert all(len(set(row)) == count for row in found.positions.tolist())


def test_close_images_far_from_zero_keep_their_digits() -> None:
    rows = np.array([[1e6, 0.0], [1e6, 1e-6], [0.0, 0.0]])

    found = find_neighbours(rows)

    assert found.distances[:2, 0].tolist() == pytest.approx([1e-6, 1e-6], rel=1e-9)


def naive_silhouette(rows: Any, labels: Any) -> float:
    """Follow the definition of sklearn.metrics.silhouette_samples, image by image."""
    distances = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    scores = []
    for image, label in enumerate(labels):
        same = labels == label
        if same.sum() == 1:
            scores.append(0.0)
            continue
        inside = distances[image, same].sum() / (same.sum() - 1)
        outside = min(distances[image, labels == other].mean() for other in np.unique(labels) if other != label)
        scores.append((outside - inside) / max(inside, outside) if max(inside, outside) > 0 else 0.0)
    return float(np.mean(scores))


@given(ROWS)
def test_silhouette_is_that_of_scikit_learn(case: tuple[Any, Any]) -> None:
    rows, labels = case

    with IN_BLOCKS:
        found = measure_silhouette(rows, labels)

    if 2 <= len(np.unique(labels)) < len(rows):
        # The square root of a rounding error is about 1e-8.
        assert found == pytest.approx(naive_silhouette(rows, labels), abs=1e-6)
    else:
        assert found is None


def test_silhouette_of_a_known_case() -> None:
    # scikit-learn 1.9.1: silhouette_score([[0, 0], [1, 0], [0, 2], [5, 5], [6, 5], [3, 3]], [0, 0, 0, 1, 1, 2])
    rows = np.array([[0, 0], [1, 0], [0, 2], [5, 5], [6, 5], [3, 3]], np.float64)

    assert measure_silhouette(rows, np.array([0, 0, 0, 1, 1, 2])) == pytest.approx(0.4828333464268996, abs=1e-9)


def test_agreement_and_confusions_count_the_labels_of_the_nearest_images() -> None:
    names = ["kiwi", "kiwi", "apple", "apple", "pear", "kiwi"]
    rows = np.array([[0.0], [1.0], [10.0], [11.5], [11.0], [12.2]])

    found = find_neighbours(rows)

    assert measure_agreement(found, np.array([0, 0, 1, 1, 2, 0])) == pytest.approx(2 / 6)
    assert count_confusions(found, names) == [("apple", "pear", 2), ("kiwi", "apple", 1), ("pear", "apple", 1)]


def test_one_label_agrees_with_nothing() -> None:
    rows = np.array([[0.0], [1.0]])

    assert measure_agreement(find_neighbours(rows), np.array([4, 4])) is None
    assert measure_agreement(find_neighbours(rows[:1]), np.array([4])) is None
    assert count_confusions(find_neighbours(rows[:1]), ["kiwi"]) == []
