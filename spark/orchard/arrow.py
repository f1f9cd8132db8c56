"""Prepares Python processes for pyarrow: no pandas, and cheap starts of tasks."""

import gc
import sys
from importlib.abc import MetaPathFinder
from zipimport import zipimporter


class _NoPandas(MetaPathFinder):
    """Reports pandas as not installed, so that pyarrow does not import it."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is blocked in this process", name=fullname)


def block_pandas() -> None:
    """Prevent this process from importing pandas, even if it is installed: loading it would slow down every worker."""
    if not any(isinstance(finder, _NoPandas) for finder in sys.meta_path):
        sys.meta_path.insert(0, _NoPandas())


def prepare_worker() -> None:
    """Prepare a worker process. Each task calls it first."""
    block_pandas()
    # PySpark invalidates Python's import caches before each task. zipimport then reads the directory of each archive on
    # the path again (17,000 entries for spark-core), 100 ms for each task, unless its cached importers are removed.
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimporter):
            del sys.path_importer_cache[path]
    if gc.get_freeze_count() == 0:
        # PySpark collects garbage after each task. Freezing the imported modules saves nearly all of its 50 ms.
        gc.freeze()
