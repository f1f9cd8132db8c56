import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orchard.fingerprint import add_up, format_fingerprint

from .runs import ROOT

EXAMPLES: list[dict[str, Any]] = json.loads((ROOT / "tests" / "fingerprints.json").read_text())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(len(example["images"])))
def test_is_the_sum_of_the_digests_of_the_lines_as_in_preflight(example: dict[str, Any]) -> None:
    assert format_fingerprint(add_up(example["images"])) == example["fingerprint"]


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), unique=True), st.integers(0, 9))
def test_the_sums_of_parts_add_up(images: list[tuple[str, str]], cut: int) -> None:
    parts = add_up(images[:cut]) + add_up(images[cut:])

    assert format_fingerprint(parts) == format_fingerprint(add_up(reversed(images)))
