"""Packs an image tree into Parquet files.

make_pack.py --source URI --target URI --rules JSON [--force] [--shard-bytes N] [--hand-over MOST]

Prints lines of JSON: {"phase", "done", "total"} for the progress, and at the end the manifest's figures. With
--hand-over, it also prints {"shard"} for each file, and waits while there are MOST of them. A line on stdin says that
one has been moved away.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from orchard.errors import JobError
from orchard.pack.manifest import Shard
from orchard.pack.packing import keep_shard, pack
from orchard.pack.shards import SHARD_BYTES
from orchard.tree import parse_tree_rules

SECONDS_BETWEEN_LINES = 0.5


class Progress:
    """Prints the progress, but not each image."""

    def __init__(self) -> None:
        self._phase = ""
        self._next = 0.0

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Print the progress of a phase, if the last line is old enough."""
        now = time.monotonic()
        if phase == self._phase and now < self._next and done < total:
            return
        self._phase, self._next = phase, now + SECONDS_BETWEEN_LINES
        print(json.dumps({"phase": phase, "done": done, "total": total}), flush=True)


class HandOver:
    """Hands each shard over to the process that reads stdout. At most `most` shards are on the disk."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._there = 0

    def __call__(self, shard: Shard) -> None:
        """Name a shard, and wait until there is room for another one.

        Raises:
            JobError: The process has closed stdin.
        """
        print(json.dumps({"shard": asdict(shard)}), flush=True)
        self._there += 1
        while self._there >= self._most:
            if not sys.stdin.readline():
                raise JobError("the packing was stopped")
            self._there -= 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Pack, and return the exit code: 0, or 1 after an error, whose message is the last line of stderr."""
    parser = argparse.ArgumentParser(description="Packs an image tree into Parquet files.")
    parser.add_argument("--source", required=True, help="URI of the image tree")
    parser.add_argument("--target", required=True, help="URI of the pack's folder")
    parser.add_argument("--rules", required=True, help="the tree's rules, as JSON")
    parser.add_argument("--force", action="store_true", help="replace a complete pack")
    parser.add_argument("--shard-bytes", type=int, default=SHARD_BYTES, help="size at which a file is complete")
    parser.add_argument("--hand-over", type=int, metavar="MOST", help="files that may wait to be taken away")
    options = parser.parse_args(arguments)
    source, target = options.source.rstrip("/"), options.target.rstrip("/")
    try:
        rules = parse_tree_rules(json.loads(options.rules))
        on_shard = keep_shard if options.hand_over is None else HandOver(options.hand_over)
        manifest = pack(
            source,
            target,
            rules,
            Progress(),
            force=options.force,
            on_shard=on_shard,
            shard_bytes=options.shard_bytes,
        )
    except (JobError, OSError) as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    print(json.dumps({**asdict(manifest), "target": target}), flush=True)
    return 0


if __name__ == "__main__":
    # A SIGTERM ends Python at once, without the manifest.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.exit(main())
