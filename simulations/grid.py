"""Flower's grid in one process, or over a few workers: no Ray, no sockets, no bytes where none are needed."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import cache
from typing import Any

from flwr.app import Context, Error, Message, RecordDict
from flwr.common.constant import ErrorCode
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity

from isofed.client.app import client_app
from isofed.errors import IsofedError
from isofed.events import Emit, silent
from isofed.simulations.pool import Pool

RUN_ID = 1
SERVER = 1
WAIT_SECONDS = 0.2


@dataclass(frozen=True)
class Node:
    """A simulated SuperNode: its number, and the configuration that only it sees."""

    number: int
    config: Mapping[str, Any]


def identify(run: int = RUN_ID) -> None:
    """Tell Flower which task of which run this process is; without it no message can be made."""
    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = run, SERVER, 1


def exchange(grid: Grid, messages: Iterable[Message]) -> list[Message]:
    """Push messages to a grid and return all replies, in the order in which they come."""
    pending, replies = set(grid.push_messages(messages)), list[Message]()
    while pending:
        news = list(grid.pull_messages(pending))
        pending -= {reply.metadata.reply_to_message_id for reply in news}
        replies += news
    return replies


class LocalGrid(Grid):
    """Delivers messages to the client app in this process, or in the pool's workers.

    With one worker a message is handled when its reply is pulled, so that replies can be folded one by
    one and memory does not grow with the number of nodes. Equal results either way.

    Args:
        nodes: the simulated nodes, or what finds one by its number.
        cfg: the run's configuration as JSON, what Flower calls the run config.
        pool: where client apps run.
        emit: told of what the workers say while the grid waits.
    """

    def __init__(
        self, nodes: Iterable[Node] | Mapping[int, Node], cfg: str, pool: Pool, emit: Emit = silent
    ) -> None:
        identify()
        self._nodes = nodes if isinstance(nodes, Mapping) else {node.number: node for node in nodes}
        self._cfg, self._pool, self._emit = cfg, pool, emit
        self._state: dict[int, RecordDict] = {}
        self._queued: dict[str, Message] = {}
        self._running: dict[Future[Any], str] = {}

    def set_run(self, run: Any) -> None:
        """Accept Flower's run; there is only one."""

    @property
    def run(self) -> Any:
        """Flower's run object, which simulations do without."""
        return None

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Return a message; kept because Flower's interface has it."""
        return Message(content, dst_node_id, message_type, group_id=group_id, ttl=ttl)

    def get_node_ids(self) -> Iterable[int]:
        """Return all node numbers, ascending."""
        return sorted(self._nodes)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Take messages; with workers they start at once, in the order given.

        Whoever pushes again has given up what an earlier push has not answered: it is forgotten.
        """
        self._forget()
        ids = []
        for message in messages:
            identifier = uuid.uuid4().hex
            message.metadata.__dict__["_message_id"] = identifier
            self._queued[identifier] = message
            ids.append(identifier)
        if self._pool.workers > 1:
            self._start()
        return ids

    def _forget(self) -> None:
        self._queued.clear()
        for future in self._running:
            future.cancel()
        self._running.clear()

    def _start(self) -> None:
        for identifier, message in self._queued.items():
            self._running[self._pool.submit(handle, *self._job(message))] = identifier
        self._queued.clear()

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return the replies that are there; waits a moment where none is."""
        if self._pool.workers > 1:
            return self._finished()
        for identifier in list(self._queued):
            message = self._queued.pop(identifier)
            reply, state = handle(*self._job(message))
            self._state[message.metadata.dst_node_id] = state
            return [reply]
        return []

    def _job(self, message: Message) -> tuple[str, Node, RecordDict, Message]:
        number = message.metadata.dst_node_id
        return self._cfg, self._nodes[number], self._state.get(number, RecordDict()), message

    def _finished(self) -> list[Message]:
        done, _ = wait(self._running, timeout=WAIT_SECONDS, return_when=FIRST_COMPLETED)
        self._drain()
        replies = []
        for future in done:
            del self._running[future]
            reply, state = future.result()
            self._state[reply.metadata.src_node_id] = state
            replies.append(reply)
        return replies

    def _drain(self) -> None:
        while self._pool.events is not None and not self._pool.events.empty():
            name, fields = self._pool.events.get()
            self._emit(name, **fields)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Push messages and return all replies, in the order in which they come."""
        return exchange(self, messages)


@cache
def _app() -> Callable[[Message, Context], Message]:
    return client_app()


def handle(cfg: str, node: Node, state: RecordDict, message: Message) -> tuple[Message, RecordDict]:
    """Let the client app answer one message; what it raises becomes an error reply, as with Flower."""
    identify()
    context = Context(
        run_id=RUN_ID,
        node_id=node.number,
        node_config=dict(node.config),
        state=state,
        run_config={"cfg": cfg},
    )
    try:
        reply = _app()(message, context)
    except IsofedError as error:
        reply = Message(Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, str(error)), reply_to=message)
    return reply, context.state
