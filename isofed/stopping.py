"""The end of a process that serves until somebody stops it."""

import signal
import threading


def stopped_by_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set, from here on instead of ending the process."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
