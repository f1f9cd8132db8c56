import hashlib
from collections import Counter, defaultdict
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from orchard.selection import in_mode, select_images, take
from pyspark.sql import SparkSession

Image = tuple[str, str, str]
COLUMNS = "split string, label string, filename string"

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


def taken(spark: SparkSession, rows: list[Image], limit: int) -> set[Image]:
    frame = take(spark.createDataFrame(rows, COLUMNS), limit)
    return {(row.split, row.label, row.filename) for row in frame.collect()}


def expected(rows: list[Image], limit: int) -> set[Image]:
    """The rule of docs/contracts.md in plain Python."""
    queues: dict[str, list[Image]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: hashlib.sha256("/".join(row).encode()).hexdigest()):
        queues[row[1]].append(row)
    chosen: list[Image] = []
    while len(chosen) < min(limit, len(rows)):
        chosen += [queues[label].pop(0) for label in sorted(queues) if queues[label]]
    return set(chosen[:limit])


@settings(
    max_examples=12,
    deadline=None,
    # Each example is a Spark job or two: shrinking one that failed would take minutes.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(images, st.integers(2, 20), st.randoms(use_true_random=False))
def test_takes_the_same_images_in_any_order_spread_evenly(
    spark: SparkSession, rows: list[Image], limit: int, random: Random
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)

    first, second = taken(spark, rows, limit), taken(spark, shuffled, limit)

    assert first == second == expected(rows, limit)
    there = Counter(label for _, label, _ in rows)
    counts = Counter(label for _, label, _ in first)
    # A label gets fewer than another one only when it has no more.
    most = max(counts.values())
    assert all(counts[label] >= min(there[label], most - 1) for label in there)


def test_modes_choose_by_label(spark: SparkSession) -> None:
    labels = ["Apple", "Apple Red 1", "Crab Apple", "apple", "Banana"]
    frame = spark.createDataFrame([(label,) for label in labels], "label string")

    def chosen(mode: str, label: str | None = None) -> list[str]:
        return [row.label for row in frame.where(in_mode(mode, label)).collect()]

    assert chosen("apples") == chosen("mini") == ["Apple", "Apple Red 1"]
    assert chosen("single-class", "Banana") == ["Banana"]
    assert chosen("single-class", "Ban") == []
    assert chosen("full") == chosen("inventory") == labels


def test_selection_has_the_contracts_columns(spark: SparkSession) -> None:
    columns = "path string, split string, label string, filename string, size long, mtime timestamp, etag string"
    frame = spark.createDataFrame([], columns)

    assert select_images(frame, "mini", None, 300).columns == ["path", "label", "size", "mtime", "etag"]
