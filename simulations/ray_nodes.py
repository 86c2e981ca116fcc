"""What runs inside Ray's actors: our client app, given the node configuration that Flower cannot give it.

A virtual node of Flower's simulation knows a number and nothing else. The engine's first message, a
query, tells it which site it plays and what the run's configuration is; the node keeps both in its
context and answers with the site's name. Everything after that is the client app's own business.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from flwr.app import ConfigRecord, Context, Message, MessageType, RecordDict

from isofed.simulations.grid import Node, handle
from isofed.simulations.pool import end_with

ROLE = "role"


def introduction(name: str, config: Mapping[str, Any], cfg: str) -> RecordDict:
    """Return what tells a virtual node who it is.

    Args:
        name: the site's name.
        config: the node configuration, which the node alone keeps.
        cfg: the run's configuration as JSON.
    """
    return RecordDict({ROLE: ConfigRecord({"site": name, "node": json.dumps(dict(config)), "cfg": cfg})})


def introduced(reply: Message) -> str:
    """Return the name of the site that the sender of this reply plays."""
    return str(reply.content.config_records[ROLE]["site"])


@dataclass(frozen=True)
class VirtualNode:
    """The client app of Flower's simulation.

    Args:
        threads: torch threads of an actor.
    """

    threads: int

    def __call__(self, message: Message, context: Context) -> Message:
        """Answer one message; what the client app refuses becomes an error reply of one sentence."""
        _prepare(self.threads)
        if message.metadata.message_type == MessageType.QUERY:
            return _play(message, context)
        role: Any = context.state.config_records[ROLE]
        node = Node(context.node_id, json.loads(role["node"]))
        reply, _ = handle(role["cfg"], node, context.state, message)
        return reply


def _play(message: Message, context: Context) -> Message:
    """Forget what this node was before, and be what the message says."""
    for name in list(context.state):
        del context.state[name]
    context.state[ROLE] = role = message.content.config_records[ROLE]
    return Message(RecordDict({ROLE: ConfigRecord({"site": role["site"]})}), reply_to=message)


@cache
def _prepare(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
    # Ray's own daemon goes with the main process at once; an actor would first notice, then finish its step
    end_with(os.getppid())
