"""One process at a time in a run's folder."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from isofed.errors import CheckpointError

WAIT_SECONDS = 10.0


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the workers of a killed run share it until they too are gone.

    Raises:
        CheckpointError: another process still works in the folder after ten seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        end = time.monotonic() + WAIT_SECONDS
        while not _take(file):
            if time.monotonic() > end:
                raise CheckpointError(f"another process works in '{folder}'; wait for it or end it")
            time.sleep(0.1)
        yield


def _take(file: object) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[arg-type]
    except OSError:
        return False
    return True
