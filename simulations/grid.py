"""Flower's grid in one process, or over a few workers: no Ray, no sockets, no bytes where none are needed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import count, islice
from typing import Any

from flwr.app import Context, Error, Message, RecordDict
from flwr.common.constant import ErrorCode
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity

from isofed.client.app import client_app, train_several
from isofed.errors import IsofedError
from isofed.events import Emit, silent
from isofed.protocols.wire import payload
from isofed.simulations.crew import Crew, several
from isofed.simulations.pool import Pool
from isofed.spans import ENGINE, spanned

RUN_ID = 1
SERVER = 1
TRAIN = "train"
REMEMBERED = 4096  # nodes that are not made again


@dataclass(frozen=True)
class Node:
    """A simulated SuperNode: its number, and the configuration that only it sees."""

    number: int
    config: Mapping[str, Any]


Call = tuple[Node, RecordDict, Message]


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

    With one worker a message, or a few small ones, is handled when its reply is pulled, and more workers have
    but a few messages ahead, so that replies can be folded one by one and memory does not grow with the
    number of nodes. Equal results either way.

    Args:
        nodes: the simulated nodes, or what finds one by its number.
        cfg: the run's configuration as JSON, what Flower calls the run config.
        pool: where client apps run.
        emit: told of what the workers say while the grid waits.
        together: sites trained at once, or 0.
    """

    def __init__(
        self,
        nodes: Iterable[Node] | Mapping[int, Node],
        cfg: str,
        pool: Pool,
        emit: Emit = silent,
        together: int = 0,
    ) -> None:
        identify()
        self._nodes = nodes if isinstance(nodes, Mapping) else {node.number: node for node in nodes}
        self._node = lru_cache(maxsize=REMEMBERED)(self._nodes.__getitem__)
        self._cfg, self._pool, self._emit, self._together = cfg, pool, emit, together
        self._crew = Crew(pool, answer, cfg, together, emit) if pool.workers > 1 else None
        self._state: dict[int, RecordDict] = {}
        self._queued: dict[str, Message] = {}
        self._numbers = count(1)

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

    @spanned(ENGINE, "push")
    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Take messages; with workers they start at once, in the order given.

        Whoever pushes again has given up what an earlier push has not answered: it is forgotten.
        """
        self._queued.clear()
        for message in messages:
            identifier = str(next(self._numbers))
            message.metadata.__dict__["_message_id"] = identifier
            self._queued[identifier] = message
        ids = list(self._queued)
        if self._crew is not None:
            calls = [self._call(message) for message in self._queued.values()]
            self._crew.begin(calls, [message.content for message in self._queued.values()])
            self._queued.clear()
        return ids

    @spanned(ENGINE, "pull")
    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return the replies that are there; waits a moment where none is."""
        if self._crew is not None:
            answers = self._crew.finished()
            self._drain()
        else:
            first = [self._queued.pop(each) for each in list(islice(self._queued, self._at_once()))]
            answers = answer(self._cfg, [self._call(message) for message in first], self._together)
        for reply, state in answers:
            if state:
                self._state[reply.metadata.src_node_id] = state
        return [reply for reply, _ in answers]

    def _call(self, message: Message) -> Call:
        number = message.metadata.dst_node_id
        return self._node(number), self._state.get(number) or RecordDict(), message

    def _at_once(self) -> int:
        """Return how many messages are answered phase by phase: small ones, so that memory stays small."""
        first = next(iter(self._queued.values()), None)
        return self._together or (several(payload(first.content)) if first else 1)

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


def answer(
    cfg: str, calls: Sequence[Call], together: int = 0, lends: bool = False
) -> list[tuple[Message, RecordDict]]:
    """Let the client app answer messages.

    Args:
        cfg: the run's configuration as JSON.
        calls: of each message the node it goes to, and what Flower keeps there.
        together: whether models are trained at once: not 0.
        lends: whether a reply may show the model's own memory.

    Returns:
        In the order of the calls, replies, and what Flower is to keep at the nodes.
    """
    if len(calls) == 1 or any(message.metadata.message_type != TRAIN for *_, message in calls):
        return [handle(cfg, *call, lends) for call in calls]
    identify()
    messages = [message for *_, message in calls]
    contexts = [_context(cfg, node, state, lends) for node, state, _ in calls]
    replies = map(_reply, train_several(messages, contexts, bool(together)), messages)
    return [(reply, context.state) for reply, context in zip(replies, contexts, strict=True)]


def _reply(content: RecordDict | IsofedError, message: Message) -> Message:
    """Return a reply; what the client app raised becomes an error, as with Flower."""
    if isinstance(content, IsofedError):
        return Message(Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, str(content)), reply_to=message)
    return Message(content, reply_to=message)


def _context(cfg: str, node: Node, state: RecordDict, lends: bool) -> Context:
    config = {**node.config, "lends": True} if lends else dict(node.config)
    return Context(
        run_id=RUN_ID, node_id=node.number, node_config=config, state=state, run_config={"cfg": cfg}
    )


def handle(
    cfg: str, node: Node, state: RecordDict, message: Message, lends: bool = False
) -> tuple[Message, RecordDict]:
    """Let the client app answer one message; what it raises becomes an error reply, as with Flower."""
    identify()
    context = _context(cfg, node, state, lends)
    try:
        reply = _app()(message, context)
    except IsofedError as error:
        reply = _reply(error, message)
    return reply, context.state
