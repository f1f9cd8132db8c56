from typing import Any

import numpy as np
import pytest
from orchard.model.bad_image import BadImageError
from orchard.model.images import to_input

from .odd_files import GOOD_FORMATS, HARMLESS, UNUSABLE, Pixels


def outcome(content: bytes) -> Any:
    try:
        return to_input(content, 224)
    except BadImageError as error:
        return str(error)


@pytest.mark.parametrize(("content", "expected"), [pytest.param(*row, id=name) for name, row in UNUSABLE.items()])
def test_a_file_without_sound_pixels_has_a_true_reason(content: bytes, expected: str) -> None:
    found = outcome(content)

    assert isinstance(found, str), "was decoded"
    assert found == expected


@pytest.mark.parametrize(
    ("content", "expected"), [pytest.param(*row, id=name) for name, row in {**GOOD_FORMATS, **HARMLESS}.items()]
)
def test_a_file_with_all_its_pixels_is_decoded(content: bytes, expected: Pixels) -> None:
    found = outcome(content)

    assert not isinstance(found, str), found
    np.testing.assert_array_equal(found, outcome(expected.of))


def test_the_table_has_at_least_sixty_kinds() -> None:
    assert len(GOOD_FORMATS) + len(HARMLESS) + len(UNUSABLE) >= 60
