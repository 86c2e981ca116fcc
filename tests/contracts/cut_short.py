"""Runs that end in the middle, as when their process is killed."""

from typing import Any

import pytest

from isofed.client.memory import Memory
from isofed.simulations.federation import Federation, run
from isofed.simulations.pool import Pool


class Killed(BaseException):
    """The process ends here."""


def cut_at_event(federation: Federation, event: int) -> None:
    """Run until the run says something for the ``event``-th time, from 0; what it left lies in its folder."""
    heard: list[str] = []

    def kill(name: str, **fields: Any) -> None:
        heard.append(name)
        if len(heard) == event + 1:
            raise Killed

    with pytest.raises(Killed):
        run(federation, Pool(1), kill)


def cut_at_commit(federation: Federation, calls: int) -> None:
    """Run until a site has written its memory for the ``calls``-th time, from 1."""
    left, commit = iter(range(calls - 1, -1, -1)), Memory.commit

    def stops(*given: Any) -> None:
        commit(*given)
        if next(left) == 0:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Memory, "commit", stops)
        with pytest.raises(Killed):
            run(federation, Pool(1))
