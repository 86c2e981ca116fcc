"""A second process for the engines that have one: a copy of this one at the other end of a pipe."""

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from turns import Turns


def fork(work: Callable[[Connection], object]) -> Connection:
    """Let a copy of this process do ``work`` with its end of a pipe; return this one's end.

    The copy ends when its work does, or when this process ends, which it finds out at the pipe. Nothing may
    have been computed on several threads before: OpenMP's do not survive a fork.
    """
    ours, theirs = Pipe()
    if os.fork():
        theirs.close()
        return ours
    ours.close()
    try:
        work(theirs)
    except EOFError:
        os._exit(0)  # nobody is there to be told
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


@dataclass(frozen=True)
class Leader:
    """Turns that a second process is given as well; a round is over when it is over there, too."""

    turns: Turns
    line: Connection

    def take(self) -> bool:
        """Wait for the next turn, and pass it on."""
        more = self.turns.take()
        self.line.send(more)
        return more

    def done(self) -> None:
        """Wait for the other, then say that the round is over."""
        self.line.recv()
        self.turns.done()


@dataclass(frozen=True)
class Follower:
    """Turns as the second process sees them."""

    line: Connection

    def take(self) -> bool:
        """Wait for the next turn."""
        more: bool = self.line.recv()
        return more

    def done(self) -> None:
        """Say that the round is over here."""
        self.line.send(None)
