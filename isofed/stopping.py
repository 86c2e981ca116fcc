"""The end of a process that serves until somebody stops it."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

F = TypeVar("F")


def stopped_by_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set, from here on instead of ending the process."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def process(
    serve: Callable[[F, threading.Event], None], folder: Callable[[Path], F]
) -> Callable[[list[str]], int]:
    """Return the main function of a process that serves a folder: ``python -m MODULE DIR``.

    Args:
        serve: serves until the event is set, as SIGTERM and SIGINT do.
        folder: makes of a path what is served.
    """

    def main(argv: list[str]) -> int:
        serve(folder(Path(argv[0])), stopped_by_signals())
        return 0

    return main
