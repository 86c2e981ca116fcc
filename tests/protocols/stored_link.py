"""A SuperLink's Runtime API without a SuperLink: it keeps what is pushed, and gives what a test puts in."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flwr.app import Message
from flwr.app.message import remove_content_from_message
from flwr.common.serde import message_to_proto
from flwr.proto.message_pb2 import PullObjectResponse, PushObjectResponse
from flwr.proto.runtime_pb2 import PullAppMessagesResponse, PushAppMessagesResponse
from flwr.supercore.inflatable.inflatable_object import (
    get_all_nested_objects,
    get_object_tree,
    iterate_object_tree,
)

from isofed.protocols.link import Link


@dataclass
class Stored:
    """What :class:`Link` asks of Flower's client.

    Args:
        objects: by number; a site's that are not there yet are left out.
        late: numbers of objects that are still on their way.
        lost: numbers of objects that will not come.
        seen: called with every object that is pushed, before it is kept.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    seen: Callable[[str], Any] = lambda number: None
    asked: list[str] = field(default_factory=list)
    pulled: list[str] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    _replies: dict[str, Message] = field(default_factory=dict)

    def answer(self, reply: Message, objects: dict[str, bytes] | None = None) -> str:
        """Put a site's reply in; return its number."""
        reply.metadata.__dict__["_message_id"] = reply.object_id
        parts = objects or {n: part.deflate() for n, part in get_all_nested_objects(reply).items()}
        self.objects |= parts
        self._replies[reply.metadata.reply_to_message_id] = reply
        return reply.object_id

    def PushMessages(self, request: Any) -> Any:
        """Take messages without their contents; ask for the objects that are not here."""
        trees = [
            part.object_id for tree in request.message_object_trees for part in iterate_object_tree(tree)
        ]
        self.asked = [number for number in dict.fromkeys(trees) if number not in self.objects]
        numbers = [tree.object_id for tree in request.message_object_trees]
        return PushAppMessagesResponse(message_ids=numbers, objects_to_push=self.asked, session_id="s")

    def PushObject(self, request: Any) -> Any:
        """Take an object; Flower's SuperLink refuses one that is not what its number says."""
        self.seen(request.object_id)
        right = hashlib.sha256(request.object_content).hexdigest() == request.object_id
        if right:
            self.objects[request.object_id] = request.object_content
        return PushObjectResponse(stored=right and request.object_id not in self.refused)

    def PullMessages(self, request: Any) -> Any:
        """Tell of replies, each once."""
        found = [self._replies.pop(n) for n in request.message_ids if n in self._replies]
        return PullAppMessagesResponse(
            messages_list=[message_to_proto(remove_content_from_message(each)) for each in found],
            message_object_trees=[get_object_tree(each) for each in found],
        )

    def PullObject(self, request: Any) -> Any:
        """Give an object, if it is there."""
        number = request.object_id
        self.pulled.append(number)
        there = number not in self.late | self.lost
        content = self.objects[number] if there else b""
        return PullObjectResponse(
            object_found=number not in self.lost, object_available=there, object_content=content
        )

    def ConfirmMessageReceived(self, request: Any) -> None:
        """Note what has come."""
        self.confirmed.append(request.message_object_id)


def linked(stored: Stored) -> Link:
    """Return a link that talks to ``stored``."""
    link = Link.__new__(Link)
    link.__dict__.update(_client=stored, _run=None, _node=None, _coming={}, over=False, number=1)
    return link
