import base64
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from orchard.report.packing import STEPS, pack, quantize, round_distance, split_prefix

COORDINATES = hnp.arrays(np.float32, st.integers(1, 20), elements=st.floats(-1e6, 1e6, width=32))


def unpack(packed: Any) -> Any:
    numbers = np.frombuffer(base64.b64decode(packed["base64"]), np.dtype(packed["type"]).newbyteorder("<"))
    return numbers if packed["columns"] == 1 else numbers.reshape(-1, packed["columns"])


@given(hnp.arrays(np.int64, st.tuples(st.integers(1, 5), st.integers(2, 4)), elements=st.integers(0, 70_000)))
def test_packed_numbers_are_kept(numbers: Any) -> None:
    np.testing.assert_array_equal(unpack(pack(numbers, int(numbers.max()))), numbers)


def test_numbers_take_no_more_bytes_than_the_largest_needs() -> None:
    assert [pack(np.array([0]), largest)["type"] for largest in (0, 255, 256, 65_536)] == [
        "uint8",
        "uint8",
        "uint16",
        "uint32",
    ]


@given(COORDINATES, st.floats(-1e6, 1e6))
def test_a_quantized_coordinate_is_off_by_half_a_step_at_most(values: Any, offset: float) -> None:
    packed: Any = quantize(values, offset)

    found = packed["minimum"] + unpack(packed["values"]) * packed["step"]
    exact = values.astype(np.float64) + offset
    assert packed["step"] <= (exact.max() - exact.min()) / STEPS * (1 + 1e-6) + 1e-12
    np.testing.assert_allclose(found, exact, rtol=1e-12, atol=packed["step"] * 0.51 + 1e-9)


def test_distances_have_four_digits() -> None:
    assert [round_distance(distance) for distance in (0.0, 1.23456e-7, 123456.0)] == [0.0, 1.235e-7, 123500.0]


@given(st.lists(st.text(st.sampled_from("ab/\n🍏")), min_size=1, max_size=6))
def test_a_prefix_is_a_folder_of_all_paths(paths: list[str]) -> None:
    prefix, names = split_prefix(paths)

    assert [prefix + name for name in names] == paths
    assert prefix == "" or prefix.endswith("/")


def test_the_longest_common_folder_is_the_prefix() -> None:
    assert split_prefix(["s3://b/x/Apple/1.jpg", "s3://b/x/Apricot/1.jpg"])[0] == "s3://b/x/"
    assert split_prefix(["s3://b/x/Apple/1.jpg"])[0] == "s3://b/x/Apple/"
