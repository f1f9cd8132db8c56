import itertools

from hypothesis import given
from hypothesis import strategies as st
from orchard.jobs.reasons import EXAMPLES_PER_REASON, Reasons


@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.text(min_size=1)))))
def test_tasks_in_any_order_give_the_same_counts_and_examples(tasks: list[list[tuple[str, str]]]) -> None:
    parts = []
    for rows in tasks:
        parts.append(Reasons())
        for reason, path in rows:
            parts[-1].add(reason, [path])

    merged, reverse = Reasons.merge(parts), Reasons.merge(reversed(parts))

    assert merged == reverse
    for reason, count in merged.counts.items():
        paths = [path for name, path in itertools.chain(*tasks) if name == reason]
        assert count == len(paths)
        assert merged.examples[reason] == sorted(set(paths))[:EXAMPLES_PER_REASON]


def test_the_message_names_the_files_below_the_image_tree() -> None:
    reasons = Reasons()
    for number in range(5):
        reasons.add("only zeros", [f"s3://bucket/raw/Training/A/{number}.jpg"])
    reasons.add("empty file", ["s3://bucket/raw/Training/B/1.jpg"])

    assert reasons.describe("s3://bucket/raw") == (
        "only zeros (5), such as Training/A/0.jpg, Training/A/1.jpg, Training/A/2.jpg; "
        "empty file (1), such as Training/B/1.jpg"
    )
