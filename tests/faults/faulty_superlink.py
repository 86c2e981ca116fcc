"""A SuperLink in memory: it keeps messages for sites that are away, forgets runs, and is away itself."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from faulty_clock import Clock
from flwr.app import Message
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents

from isofed.protocols.link import Away, Over

LATENCY = 0.1


@dataclass(frozen=True)
class Copy:
    """A message on its way to a site, as bytes."""

    number: str
    run: int
    message: Message
    stored: Mapping[str, bytes] = field(repr=False)

    def opened(self) -> Message:
        """Return the message as the site gets it: nothing in it is shared with the server."""
        about, content = self.message.metadata, _inflated(self.message.content.object_id, self.stored)
        message = Message(content, about.dst_node_id, about.message_type, group_id=about.group_id)
        message.metadata.__dict__["_message_id"] = self.number
        return message


def carried(content: Any) -> Any:
    """Return content that went over a network."""
    return _inflated(content.object_id, _stored(content))


def _stored(content: Any) -> dict[str, bytes]:
    return {key: part.deflate() for key, part in get_all_nested_objects(content).items()}


def _inflated(number: str, stored: Mapping[str, bytes]) -> Any:
    return inflate_object_from_contents(number, dict(stored))


@dataclass
class SuperLink:
    """Flower's part of the world, without processes.

    Args:
        clock: of the world.
        nodes: what is done when there is a message for a node; who is not here was never heard of.
        kept: whether messages of a run that has ended still reach their sites.
    """

    clock: Clock
    nodes: dict[int, Callable[[], None]] = field(default_factory=dict)
    kept: bool = False
    run: int = 0
    away: float = 0.0
    waiting: dict[int, list[Copy]] = field(default_factory=dict)
    _replies: dict[str, list[Message]] = field(default_factory=dict)
    _count: int = 0

    def open(self) -> "FaultyLink":
        """Open a run; the one before ends."""
        if self.clock.now < self.away:
            raise Away("away")
        self.end()
        return FaultyLink(self, self.run)

    def end(self) -> None:
        """Give the run up."""
        self.run += 1
        self._replies.clear()
        if not self.kept:
            self.waiting.clear()

    def take(self, message: Message, run: int) -> str:
        """Keep a message for its site; nothing where there is no such."""
        node = message.metadata.dst_node_id
        if node not in self.nodes:
            return ""
        self._count += 1
        copy = Copy(f"copy {self._count}", run, message, _stored(message.content))
        self.waiting.setdefault(node, []).append(copy)
        self.clock.after(LATENCY, self.nodes[node])
        return copy.number

    def answer(self, copy: Copy, reply: Message) -> None:
        """Take a site's reply, if its run still is."""
        if copy.run == self.run:
            self._replies.setdefault(copy.number, []).append(reply)

    def give(self, numbers: Iterable[str]) -> list[Message]:
        """Hand out what has come."""
        return [reply for number in numbers for reply in self._replies.pop(number, [])]


@dataclass
class FaultyLink:
    """What the deployed grid holds of a run; see :class:`isofed.protocols.link.Link`."""

    superlink: SuperLink
    number: int

    @property
    def run(self) -> Any:
        """Flower's run."""
        return None

    def close(self, done: bool) -> None:
        """Forget it."""

    def get_node_ids(self) -> Iterable[int]:
        """Return the nodes."""
        self._there()
        return list(self.superlink.nodes)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Hand messages over."""
        self._there()
        return [self.superlink.take(message, self.number) for message in messages]

    def pull_messages(self, numbers: Iterable[str]) -> Iterable[Message]:
        """Return replies, all that have come to a message."""
        self._there()
        return self.superlink.give(numbers)

    def _there(self) -> None:
        if self.superlink.clock.now < self.superlink.away:
            raise Away("away")
        if self.number != self.superlink.run:
            raise Over("over")
