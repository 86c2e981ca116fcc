"""The checkpoint of each round, written while the next one trains where that is safe and worth it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Thread
from types import TracebackType
from typing import Any

from isofed.events import Emit
from isofed.server.state import Checkpoints, ServerState

WORTH = 0.02  # of a round's time: a checkpoint that takes less is waited for, and its round told at once


@dataclass
class Commits:
    """Commits rounds, one after another, and tells of each once its checkpoint is whole, never before.

    A checkpoint that is written beside the next round is told of when that one has been trained. A run that
    is killed meanwhile goes on from the round before, whose checkpoint was whole before this one's was begun.
    To be entered; whatever ends the block, what is being written is written to its end.

    Args:
        checkpoints: where they are written.
        emit: told of every ``round_done``.
        ahead: whether one may be written beside the next round. Not where sites remember: one that has
            followed the next order has forgotten the version that this round would begin with again.
    """

    checkpoints: Checkpoints
    emit: Emit
    ahead: bool = False
    _took: float = 0.0
    _writing: Thread | None = None
    _failed: list[BaseException] = field(default_factory=list)
    _entry: Mapping[str, Any] | None = None

    def commit(self, state: ServerState, entry: Mapping[str, Any]) -> None:
        """Write a round's checkpoint, or begin to, once that of the round before is whole.

        Args:
            state: after the round; nobody changes its arrays.
            entry: what the history says of it.
        """
        self.settle()
        self._entry = entry
        if self.ahead and self._took > WORTH * entry["seconds"]:
            self._writing = Thread(target=self._write_beside, args=(state,))
            self._writing.start()
        else:
            self._write(state)

    def tell(self) -> None:
        """Tell of the last round if nothing is being written."""
        if self._writing is None and self._entry is not None:
            entry, self._entry = self._entry, None
            self.emit("round_done", **entry)

    def settle(self) -> None:
        """Wait for what is being written, raise what went wrong there, and tell of the round."""
        if self._writing is not None:
            self._writing.join()
            self._writing = None
        if self._failed:
            raise self._failed.pop()
        self.tell()

    def _write(self, state: ServerState) -> None:
        started = time.monotonic()
        self.checkpoints.save(state)
        self._took = time.monotonic() - started

    def _write_beside(self, state: ServerState) -> None:
        try:
            self._write(state)
        except BaseException as error:  # for whoever waits
            self._failed.append(error)

    def __enter__(self) -> "Commits":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.settle()
        elif self._writing is not None:
            # nobody is told: whoever goes on with the run tells of all that is committed
            self._writing.join()
