import subprocess
from pathlib import Path

import pytest

NAMESPACES = (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"])


def _allows_node_views() -> bool:
    """Return whether this machine lets a node have a /opt of its own, which --yarn needs."""
    for namespace in NAMESPACES:
        try:
            done = subprocess.run([*namespace, "mount", "--rbind", "/opt", "/opt"], capture_output=True, check=False)
        except FileNotFoundError:
            return False  # not Linux
        if done.returncode == 0:
            return True
    return False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if _allows_node_views():
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="this machine allows no mount namespaces: see docs/cli.md, --yarn"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the accounts of a module, which run one after the other."""
    return tmp_path_factory.mktemp("yarn")
