"""What somebody stops: Ctrl-C and SIGTERM end a command alike, with one sentence on how to go on."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stopped_in_words(kept: Callable[[], str]) -> Iterator[None]:
    """End on SIGTERM as on Ctrl-C, with everything wound up, and say then what is left.

    A second SIGTERM ends the process at once. A process forked meanwhile ends at the first, without words.

    Args:
        kept: what is left of the work, and the command that goes on with it.

    Raises:
        SystemExit: of 128 and the signal's number.
    """
    by = [signal.SIGINT]
    with _interrupted(by):
        try:
            yield
        except KeyboardInterrupt:
            print(f"\nstopped by {_name(by[-1])}; {kept()}", file=sys.stderr)
            raise SystemExit(128 + by[-1]) from None


def taken_back() -> None:
    """Handle SIGTERM as Python was told, after a library's code in C has put its own handler there."""
    handler = signal.getsignal(signal.SIGTERM)
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


@contextmanager
def _interrupted(by: list[signal.Signals]) -> Iterator[None]:
    """Let SIGTERM raise what Ctrl-C does, and note that it was this; only a main thread hears of signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = os.getpid()

    def end(number: int, _: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if os.getpid() != ours:
            os.kill(os.getpid(), signal.SIGTERM)  # a worker that inherited this
            return
        by.append(signal.Signals(number))
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _name(number: signal.Signals) -> str:
    return "Ctrl-C" if number == signal.SIGINT else number.name
