"""Decides which files of an image tree are images, by the rules in the plan. Preflight decides by the same rules."""

from dataclasses import dataclass
from typing import Any

# Reasons that concern a file's own place in the tree, not the folders above it.
DEPTH_REASONS = ("shallow", "deep")


@dataclass(frozen=True)
class TreeRules:
    """The rules of lambdas/contract/image-tree.ts, for paths from the tree's root such as `Training/Apple/1.jpg`."""

    # "split/label" or "label": the folders above an image.
    layout: str
    # With the dot, in lower case.
    image_endings: tuple[str, ...]
    hidden_folders: tuple[str, ...]

    def reason_to_leave_out(self, key: str) -> str | None:
        """Return why a file is not an image of the tree; None for an image."""
        *folders, file = names = key.split("/")
        if not _is_utf8(key):
            return "not-utf8"
        if "" in names:
            return "empty-name"
        if any(name.startswith(".") for name in names) or any(name in self.hidden_folders for name in folders):
            return "hidden"
        if not file.lower().endswith(self.image_endings):
            return "ending"
        depth = len(self.layout.split("/"))
        if len(folders) < depth:
            return "shallow"
        return "deep" if len(folders) > depth else None

    def is_visible(self, folder: str) -> bool:
        """Return whether a folder may have images of the tree, by its name and the names of the folders above it."""
        return self.reason_to_leave_out(f"{folder}/image.jpg") in (None, *DEPTH_REASONS)


def parse_tree_rules(document: dict[str, Any]) -> TreeRules:
    """Build the rules from the plan's key `tree`.

    Raises:
        KeyError, TypeError: a key is missing or has another type.
    """
    return TreeRules(document["layout"], tuple(document["imageEndings"]), tuple(document["hiddenFolders"]))


def is_folder_marker(key: str, size_bytes: int) -> bool:
    """Return whether an object stands for a folder: S3's console writes an empty one whose key ends in a slash."""
    return size_bytes == 0 and (key == "" or key.endswith("/"))


def _is_utf8(text: str) -> bool:
    # Python reads bytes of a local name that are not UTF-8 as lone surrogates.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
