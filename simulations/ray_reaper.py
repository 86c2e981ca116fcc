"""A process that outlives a simulation on Ray by a moment, to end what Ray leaves behind.

Ray's agents notice the end of a killed main process late, as they first try to tell somebody who is gone,
too. This process waits until its standard input ends, which it does with the main process, whatever ends
that one.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import psutil

VARIABLE = "ISOFED_RAY_FOLDER"


def watch(folder: str) -> "subprocess.Popen[bytes]":
    """Start the process that waits; it is let go by closing its standard input."""
    command = [sys.executable, "-P", __file__, folder]  # -P: names beside this file are not packages
    # a group of its own: Ctrl-C is for the main process
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)


def release(watcher: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Let it do its work, and wait for it."""
    assert watcher.stdin is not None
    watcher.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        watcher.wait(seconds)


def belonging(folder: str) -> Iterator[psutil.Process]:
    """Yield the processes of a simulation: its folder stands in their command line or environment."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            named = any(folder in word for word in process.cmdline())
            if named or process.environ().get(VARIABLE) == folder:
                yield process


def main(folder: str) -> None:
    """Wait, end all, and remove the folder."""
    sys.stdin.read()
    me = psutil.Process().pid
    for process in belonging(folder):
        if process.pid != me:
            with suppress(psutil.Error):
                process.kill()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
