"""Replies in the order of the sites' names, whatever the order in which they come."""

import pickle
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

from isofed.errors import IsofedError
from isofed.protocols.refusals import refusal_in, shown
from isofed.protocols.wire import lies_in_file, payload
from isofed.records import Report
from isofed.server.asks import Refusal

HELD_IN_MEMORY = 256 * 2**20
MOST, FEW, SMALL = 64, 32, 4 << 20  # replies of a run, and how many where they have more bytes than that


def usable(reply: Message | None, read: Callable[[RecordDict], Report]) -> Report | Refusal:
    """Return the report in a reply, or why there is none.

    Args:
        reply: None where none came in time.
        read: from records to the report, raising what speaks against it.
    """
    if reply is None:
        return Refusal("no answer in time")
    if reply.has_error():
        return Refusal(shown(reply.error.reason or "an error without a reason"))
    if (said := refusal_in(reply.content)) is not None:
        return Refusal(shown(said.reason), said.code)
    try:
        return read(reply.content)
    except IsofedError as error:
        return Refusal(str(error))


@dataclass
class Waiting:
    """Early replies: in memory up to a bound, beyond it in a temporary folder of this process.

    Those whose arrays lie in a file as they come take no memory, however many.
    """

    bound: int = HELD_IN_MEMORY
    _held: dict[str, tuple[Any, int]] = field(default_factory=dict)
    _bytes: int = 0
    _folder: Any = None

    def put(self, key: str, message: Message) -> None:
        """Keep a reply until its turn."""
        size, memory = _sizes(message)
        if self._bytes + memory <= self.bound:
            self._bytes += memory
            self._held[key] = message, size
            return
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="isofed-replies-")
        path = Path(self._folder.name) / key
        path.write_bytes(pickle.dumps(message))
        self._held[key] = path, size

    def take(self, key: str) -> Message:
        """Return a kept reply and forget it."""
        held, _ = self._held.pop(key)
        if isinstance(held, Path):
            message: Message = pickle.loads(held.read_bytes())
            held.unlink()
            return message
        self._bytes -= _sizes(held)[1]
        return held

    def run(self, keys: Iterable[str]) -> list[Message]:
        """Take the first of these replies and those that follow, if they need not be read again: many of
        small ones, some of large ones."""
        found, whole = list[Message](), 0
        for key in keys:
            held, size = self._held.get(key, (None, 0))
            whole += size
            if held is None or (found and isinstance(held, Path)) or (len(found) >= FEW and whole > SMALL):
                break
            found.append(self.take(key))
        return found

    def close(self) -> None:
        """Drop what is left, on disk too."""
        self._held.clear()
        if self._folder is not None:
            self._folder.cleanup()

    def __contains__(self, key: str) -> bool:
        return key in self._held


def _sizes(message: Message) -> tuple[int, int]:
    """Return the bytes of a reply, and of them what it takes of the memory."""
    if not message.has_content():
        return 0, 0
    size = payload(message.content)
    return size, 0 if lies_in_file(message.content) else size


@dataclass
class Replies(Iterator[Message | None]):
    """Replies one by one in the order in which they were asked for, None for one that did not come.

    Args:
        runs: the same replies, those in one list that are there.
    """

    runs: Generator[list[Message | None], None, None]
    _run: deque[Message | None] = field(default_factory=deque)

    def __next__(self) -> Message | None:
        while not self._run:
            self._run.extend(next(self.runs))
        return self._run.popleft()

    def close(self) -> None:
        """Forget what has not been asked for."""
        self._run.clear()
        self.runs.close()


def runs_of(replies: Iterable[Message | None]) -> Iterable[list[Message | None]]:
    """Return replies in runs, which cost less to read than one by one."""
    return replies.runs if isinstance(replies, Replies) else ([reply] for reply in replies)


def in_order(
    grid: Grid,
    messages: list[Message],
    came: Callable[[Message], None],
    timeout: float,
    pause: Callable[[], None],
) -> Replies:
    """Return the replies to messages in the order in which these are given.

    Args:
        grid: any Flower grid.
        messages: one for each site, in the order of the sites' names; pushed when replies are looked for.
        came: told of every reply as it arrives.
        timeout: seconds after which a missing reply is given up and yielded as None.
        pause: called when nothing new has come; it may sleep.
    """
    return Replies(_runs(grid, messages, came, timeout, pause))


def _runs(
    grid: Grid,
    messages: list[Message],
    came: Callable[[Message], None],
    timeout: float,
    pause: Callable[[], None],
) -> Generator[list[Message | None], None, None]:
    ids = list(grid.push_messages(messages))
    # a dict, because it keeps their order
    pending, waiting, end = dict.fromkeys(ids), Waiting(), time.monotonic() + timeout
    at = 0
    try:
        while at < len(ids):
            while ids[at] not in waiting and time.monotonic() < end:
                if not _pulled(grid, pending, waiting, came):
                    pause()
            run: list[Message | None] = [*waiting.run(ids[at : at + MOST])] or [None]
            at += len(run)
            yield run
    finally:
        waiting.close()


def _pulled(grid: Grid, pending: dict[str, None], waiting: Waiting, came: Callable[[Message], None]) -> bool:
    """Let what is new wait for its turn; return whether there was anything."""
    news = list(grid.pull_messages(pending))
    for message in news:
        came(message)
        waiting.put(message.metadata.reply_to_message_id, message)
        pending.pop(message.metadata.reply_to_message_id, None)
    return bool(news)
