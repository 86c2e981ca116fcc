"""Replies in the order of the sites' names, whatever the order in which they come."""

import pickle
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

from isofed.errors import IsofedError
from isofed.protocols.wire import payload
from isofed.records import Report
from isofed.server.rounds import Refusal

HELD_IN_MEMORY = 256 * 2**20


def usable(reply: Message | None, read: Callable[[RecordDict], Report]) -> Report | Refusal:
    """Return the report in a reply, or why there is none.

    Args:
        reply: None where none came in time.
        read: from records to the report, raising what speaks against it.
    """
    if reply is None:
        return Refusal("no answer in time")
    if reply.has_error():
        return Refusal(reply.error.reason or "an error without a reason")
    try:
        return read(reply.content)
    except IsofedError as error:
        return Refusal(str(error))


@dataclass
class Waiting:
    """Early replies: in memory up to a bound, beyond it in a temporary folder of this process."""

    bound: int = HELD_IN_MEMORY
    _held: dict[str, Any] = field(default_factory=dict)
    _bytes: int = 0
    _folder: Any = None

    def put(self, key: str, message: Message) -> None:
        """Keep a reply until its turn."""
        size = payload(message.content) if message.has_content() else 0
        if self._bytes + size <= self.bound:
            self._bytes += size
            self._held[key] = message
            return
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="isofed-replies-")
        self._held[key] = path = Path(self._folder.name) / key
        path.write_bytes(pickle.dumps(message))

    def take(self, key: str) -> Message:
        """Return a kept reply and forget it."""
        held = self._held.pop(key)
        if isinstance(held, Path):
            message: Message = pickle.loads(held.read_bytes())
            held.unlink()
            return message
        self._bytes -= payload(held.content) if held.has_content() else 0
        return held

    def close(self) -> None:
        """Drop what is left, on disk too."""
        self._held.clear()
        if self._folder is not None:
            self._folder.cleanup()

    def __contains__(self, key: str) -> bool:
        return key in self._held


def in_order(
    grid: Grid,
    messages: list[Message],
    came: Callable[[Message], None],
    timeout: float,
    pause: Callable[[], None],
) -> Iterator[Message | None]:
    """Push messages and yield their replies one by one, in the order in which they were given.

    Args:
        grid: any Flower grid.
        messages: one for each site, in the order of the sites' names.
        came: told of every reply as it arrives.
        timeout: seconds after which a missing reply is given up and yielded as None.
        pause: called when nothing new has come; it may sleep.
    """
    ids = list(grid.push_messages(messages))
    # a dict, because it keeps their order
    pending, waiting, end = dict.fromkeys(ids), Waiting(), time.monotonic() + timeout
    try:
        for wanted in ids:
            while wanted not in waiting and time.monotonic() < end:
                news = list(grid.pull_messages(pending))
                for message in news:
                    came(message)
                    waiting.put(message.metadata.reply_to_message_id, message)
                    pending.pop(message.metadata.reply_to_message_id, None)
                if not news:
                    pause()
            yield waiting.take(wanted) if wanted in waiting else None
    finally:
        waiting.close()
