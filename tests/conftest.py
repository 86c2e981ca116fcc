"""What every test takes for granted: one thread, no telemetry, no traces outside temporary folders."""

import gc
import os
import shutil
import sys
import tempfile
from collections import Counter

import pytest
import yaml
from hypothesis import settings

# Read by Flower, torch and numpy when they are imported, hence set before any test is.
os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["FLWR_DISABLE_UPDATE_CHECK"] = "1"
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"
# threads that spin until there is work for them take the cores from the tests beside
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

# hundreds of processes are started; each would compile every file again
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Hydra reads some twenty files for every command; yaml's reader in C takes a quarter of that time off
if yaml.__with_libyaml__:
    yaml.SafeLoader = yaml.CSafeLoader

_FLOWER_HOME = pytest.StashKey[str]()

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_configure(config: pytest.Config) -> None:
    """Give Flower a home of its own, one for each worker."""
    home = tempfile.mkdtemp(prefix="isofed-flwr-")
    config.stash[_FLOWER_HOME] = home
    os.environ["FLWR_HOME"] = home
    # xdist would begin with the files of most tests, and end with one worker in a file of few and long ones
    config.option.loadscopereorder = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, so that at the end only short ones are dealt out to workers."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
        every = Counter(item.path for item in items)
        items.sort(key=lambda item: (-slow[item.path], -every[item.path]))


def pytest_collection_finish() -> None:
    """Spare the garbage collector thousands of tests, which stay."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove that home again."""
    shutil.rmtree(config.stash[_FLOWER_HOME], ignore_errors=True)
