import hashlib
from collections import Counter, defaultdict
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orchard.selection import SelectionRule, digest, find_quotas, select_evenly

Image = tuple[str, str, str]

images = st.lists(
    st.tuples(
        st.sampled_from(["Test", "Training"]),
        st.sampled_from(["Apple 1", "Apple Été", "Kiwi", "Zürich 🍏"]),
        st.integers(0, 40).map("{}_100.jpg".format),
    ),
    unique=True,
    # Most limits of the tests are smaller than this, and some are larger.
    min_size=12,
    max_size=40,
)


def selected(rows: list[Image], limit: int) -> set[Image]:
    labels = [label for _, label, _ in rows]
    return {rows[position] for position in select_evenly(labels, [digest("/".join(row)) for row in rows], limit)}


def expected(rows: list[Image], limit: int) -> set[Image]:
    """Select by the rule of docs/contracts.md, in plain Python."""
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

    first, second = selected(rows, limit), selected(shuffled, limit)

    assert first == second == expected(rows, limit)
    there = Counter(label for _, label, _ in rows)
    counts = Counter(label for _, label, _ in first)
    # Unless all its images are selected, a label has at most one image fewer than any other.
    most = max(counts.values())
    assert all(counts[label] >= min(there[label], most - 1) for label in there)


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 9), max_size=6), st.integers(0, 40))
def test_quotas_are_the_numbers_that_an_even_selection_has(counts: dict[str, int], limit: int) -> None:
    labels = [label for label, count in counts.items() for _ in range(count)]
    selected = select_evenly(labels, [digest(str(n)) for n in range(len(labels))], limit)

    quotas = find_quotas(counts, limit)

    assert {label: quota for label, quota in quotas.items() if quota} == Counter(labels[n] for n in selected)
    assert quotas.keys() == counts.keys()


def test_a_rule_selects_by_label() -> None:
    labels = ["Apple", "Apple Red 1", "Crab Apple", "apple", "Banana"]

    def selected(rule: SelectionRule) -> list[str]:
        return [label for label in labels if rule.selects(label)]

    assert selected(SelectionRule(label_prefix="Apple")) == ["Apple", "Apple Red 1", "apple"]
    assert selected(SelectionRule(label="Banana")) == ["Banana"]
    assert selected(SelectionRule(label="Ban")) == []
    assert SelectionRule(label="Caf\u00e9").selects("Cafe\u0301")
    assert selected(SelectionRule()) == labels


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (SelectionRule(), "any label"),
        (SelectionRule(label_prefix="Apple", limit=3), "labels that begin with 'Apple'"),
        (SelectionRule(label="Apple 1"), "label 'Apple 1'"),
    ],
)
def test_an_error_message_names_the_labels_of_a_rule(rule: SelectionRule, words: str) -> None:
    assert str(rule) == words
