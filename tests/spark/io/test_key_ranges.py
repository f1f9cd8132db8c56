from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from orchard.io.key_ranges import KeyRange, split_range

# Characters of one to four bytes, among them the last of Unicode, and keys that begin others.
names = st.one_of(
    st.text(min_size=1, max_size=6),
    st.text(st.sampled_from(["a", "b", "\U0010ffff", "\uffff", "\u00e9", "\U0001f34e"]), min_size=1, max_size=5),
)


def list_range(files: KeyRange, uris: list[str]) -> list[str]:
    """List as S3 does: in the order of the UTF-8 bytes, which is also the order of the code points."""
    return [uri for uri in sorted(uris) if uri.startswith(files.prefix) and uri > files.after]


def find_first(uris: list[str]) -> Callable[[KeyRange], str | None]:
    return lambda files: next(iter(list_range(files, uris)), None)


@given(st.lists(names, unique=True, min_size=1, max_size=20), st.integers(0, 24))
def test_the_parts_of_a_range_have_each_of_its_files_once(keys: list[str], cut: int) -> None:
    uris = [*(f"s3://b/p/{key}" for key in keys), "s3://b/o", "s3://b/p", "s3://b/p0", "s3://b/q"]
    after = sorted(uris)[min(cut, len(uris) - 1)]
    whole = KeyRange("s3://b/p/", after)

    parts = split_range(whole, find_first(uris))

    listed = [uri for part in parts for uri in list_range(part, uris)]
    assert sorted(listed) == list_range(whole, uris)


def test_a_prefix_that_all_files_share_is_extended() -> None:
    uris = ["s3://b/p/img_001.jpg", "s3://b/p/img_010.jpg", "s3://b/p/img_100.jpg"]

    parts = split_range(KeyRange("s3://b/p/", uris[0]), find_first(uris))

    assert parts == [KeyRange("s3://b/p/img_0", uris[0]), KeyRange("s3://b/p/img_1", uris[0])]
