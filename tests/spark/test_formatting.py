from orchard.formatting import plural


def test_a_count_of_one_has_a_singular_noun() -> None:
    assert [plural(count, "image") for count in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
