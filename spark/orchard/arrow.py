"""Workers that use pyarrow alone: no pandas, whether it is installed or not."""

import gc
import sys
from importlib.abc import MetaPathFinder
from zipimport import zipimporter


class _NoPandas(MetaPathFinder):
    """Says that pandas is not installed; pyarrow then does without."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("the workers do without pandas", name=fullname)


def do_without_pandas() -> None:
    """From here on, this process imports no pandas."""
    if not any(isinstance(finder, _NoPandas) for finder in sys.meta_path):
        sys.meta_path.insert(0, _NoPandas())


def prepare_worker() -> None:
    """What a task begins with, in the process that runs it."""
    do_without_pandas()
    # PySpark drops Python's import caches before each task, and zipimport then reads the whole directory of each
    # archive on the path again, spark-core's 17,000 entries among them: 100 ms a task. Modules stay imported.
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimporter):
            del sys.path_importer_cache[path]
    if gc.get_freeze_count() == 0:
        # PySpark collects garbage after each task: 50 ms, nearly all of it for what was imported.
        gc.freeze()
