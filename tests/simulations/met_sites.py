"""Two sites that a deployed run meets without a server, a network or data."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from flwr.app import Context, Message, RecordDict

from isofed.protocols.answering import Asked
from isofed.protocols.refusals import SPENT, refusal_content
from isofed.simulations import deployed_run, run_command
from isofed.simulations.deployable import deployable
from isofed.simulations.grid import identify
from isofed.simulations.members import Members
from tests.server.hub.echo_worker import reported

WHY = "the privacy budget of this site is spent: every image would have given away epsilon 3"
FOUND = Members({"cam1": 1, "cam2": 2}, {}, {"cam1": {"images": 8}, "cam2": {"images": 8}}, 8)
SMALL = ["task.stem=4", "task.stage2=4", "task.stage3=8", "task.dimensions=8", "task.classes=8"]
RUN = ["strategy=fedavg", "rounds=4", "evaluate_every=0", "tensorboard=false", "progress=false", *SMALL]


@dataclass
class Sites:
    """Two sites that report at once, one of them until its budget is spent.

    Args:
        rounds: that it can pay for.
        asked: the rounds of which it was asked.
    """

    rounds: int
    asked: list[int] = field(default_factory=list)
    _left: list[Message] = field(default_factory=list)

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        self._left = list(messages)
        for number, message in enumerate(self._left):
            message.metadata.__dict__["_message_id"] = f"m{number}"
        return [message.metadata.message_id for message in self._left]

    def pull_messages(self, ids: Iterable[str]) -> list[Message]:
        replies, self._left = [self._answer(message) for message in self._left], []
        return replies

    def get_node_ids(self) -> list[int]:
        return [1, 2]

    def _answer(self, message: Message) -> Message:
        node = message.metadata.dst_node_id
        round = int(message.metadata.group_id)
        if node == 2:
            self.asked.append(round)
        if node == 2 and round > self.rounds:
            return Message(refusal_content(SPENT, WHY), reply_to=message)
        return reported(Asked(message, "", "", Context(1, node, {}, RecordDict(), {})))


@contextmanager
def met(sites: Sites) -> Iterator[Sites]:
    """Let every deployed run of this process meet these sites."""

    def gathered(job: Any) -> Members:
        deployed_run.write_json(job.plan.folder / deployed_run.FACTS, FOUND.facts)
        return FOUND

    @contextmanager
    def grid(*_: Any) -> Iterator[Any]:
        yield sites

    identify()
    with (
        patch.object(deployed_run, "_gathered", gathered),
        patch.object(deployed_run, "_grid", grid),
        patch.object(run_command, "ready", deployable),
    ):
        yield sites
