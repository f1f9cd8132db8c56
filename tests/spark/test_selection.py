import hashlib
from collections import Counter, defaultdict
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from orchard.selection import digest, is_in_mode, take

Image = tuple[str, str, str]

images = st.lists(
    st.tuples(
        st.sampled_from(["Test", "Training"]),
        st.sampled_from(["Apple 1", "Apple Été", "Kiwi", "Zürich 🍏"]),
        st.integers(0, 40).map("{}_100.jpg".format),
    ),
    unique=True,
    # Most limits below cut in here; some do not.
    min_size=12,
    max_size=40,
)


def taken(rows: list[Image], limit: int) -> set[Image]:
    labels = [label for _, label, _ in rows]
    return {rows[position] for position in take(labels, [digest(*row) for row in rows], limit)}


def expected(rows: list[Image], limit: int) -> set[Image]:
    """The rule of docs/contracts.md in plain Python."""
    queues: dict[str, list[Image]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: hashlib.sha256("/".join(row).encode()).hexdigest()):
        queues[row[1]].append(row)
    chosen: list[Image] = []
    while len(chosen) < min(limit, len(rows)):
        chosen += [queues[label].pop(0) for label in sorted(queues) if queues[label]]
    return set(chosen[:limit])


@given(images, st.integers(2, 20), st.randoms(use_true_random=False))
def test_takes_the_same_images_in_any_order_spread_evenly(rows: list[Image], limit: int, random: Random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)

    first, second = taken(rows, limit), taken(shuffled, limit)

    assert first == second == expected(rows, limit)
    there = Counter(label for _, label, _ in rows)
    counts = Counter(label for _, label, _ in first)
    # A label gets fewer than another one only when it has no more.
    most = max(counts.values())
    assert all(counts[label] >= min(there[label], most - 1) for label in there)


def test_modes_choose_by_label() -> None:
    labels = ["Apple", "Apple Red 1", "Crab Apple", "apple", "Banana"]

    def chosen(mode: str, wanted: str | None = None) -> list[str]:
        return [label for label in labels if is_in_mode(mode, wanted, label)]

    assert chosen("apples") == chosen("mini") == ["Apple", "Apple Red 1"]
    assert chosen("single-class", "Banana") == ["Banana"]
    assert chosen("single-class", "Ban") == []
    assert chosen("full") == chosen("inventory") == labels
