"""The server's side of one run at Flower's SuperLink: a grid that asks once and says what is wrong.

Beside :mod:`isofed.protocols.runtime` and :mod:`isofed.protocols.pieces` the only module with names of
Flower that it does not promise to keep. Flower's own grid does the same, but it waits by itself: for a
SuperLink that is away, for ever, and for an upload that was cut off, for minutes; it ends the process when
its task is over; and while it sends or takes a message it holds all of it several times over.
"""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from flwr.app import Error, Message
from flwr.app.message import make_message, remove_content_from_message
from flwr.common.constant import SUPERLINK_NODE_ID, ErrorCode, SubStatus
from flwr.common.serde import message_from_proto, message_to_proto, run_from_proto
from flwr.proto.message_pb2 import ConfirmMessageReceivedRequest, PullObjectRequest, PushObjectRequest
from flwr.proto.node_pb2 import Node
from flwr.proto.runtime_pb2 import (
    GetNodesRequest,
    PullAppMessagesRequest,
    PullTaskInputRequest,
    PushAppMessagesRequest,
    PushTaskOutputRequest,
    SendTaskHeartbeatRequest,
)
from flwr.serverapp import Grid
from flwr.supercore.heartbeat import HeartbeatSender
from flwr.supercore.inflatable.inflatable_object import (
    get_all_nested_objects,
    get_object_tree,
    iterate_object_tree,
    no_object_id_recompute,
)
from flwr.supercore.inflatable.inflatable_utils import ObjectPushError
from flwr.supercore.interceptors import RuntimeTokenHttpInterceptor, RuntimeVersionHttpInterceptor
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.supercore.task_identity import TaskIdentity

from isofed.errors import RoundError
from isofed.protocols.pieces import Arriving, Piece

AT_ONCE = 2  # small objects on their way to the SuperLink; of pieces of arrays one
PIECE = 1 << 20  # bytes of an object behind which is swept
LARGE = 16 << 20  # bytes of a reply; of such, one at a time is taken
OVER = (401, 403)  # what a SuperLink answers to a task that it has given up
# errors of Flower's on the way, as against a site's own answer that it could not do what was asked
ON_THE_WAY = (
    ErrorCode.UNKNOWN,
    ErrorCode.MESSAGE_UNAVAILABLE,
    ErrorCode.REPLY_MESSAGE_UNAVAILABLE,
    ErrorCode.NODE_UNAVAILABLE,
    ErrorCode.CLIENT_APP_CRASHED,
)
CRASHED = ErrorCode.CLIENT_APP_CRASHED


class Away(RoundError):
    """A process of Flower's cannot be reached just now."""


class Over(RoundError):
    """A process of Flower's has given the task up; another run must be opened."""


@contextmanager
def told() -> Iterator[None]:
    """Say of whatever HTTP raises whether to come again, or whether all is over."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        if error.response.status_code in OVER:
            raise Over("Flower's SuperLink has ended the run; look into its log") from None
        raise Away(f"Flower's SuperLink answers {error.response.status_code}; look into its log") from None
    except (httpx.HTTPError, ObjectPushError):
        raise Away("Flower's SuperLink cannot be reached; is 'isofed server up' running?") from None


@dataclass
class _Coming:
    """A reply of which the SuperLink has told, and what came of it so far."""

    head: Message
    parts: list[str]
    there: Arriving = field(default_factory=Arriving)

    def failed(self, reason: str) -> Message:
        """Return the same reply as an error of the way's."""
        return make_message(
            metadata=self.head.metadata, error=Error(ErrorCode.REPLY_MESSAGE_UNAVAILABLE, reason)
        )

    def opened(self, number: str) -> Message:
        """Return the reply, all parts of which are there."""
        try:
            reply: Any = self.there.opened(number)
            reply.metadata.__dict__["_message_id"] = number
            return reply
        except Exception:  # what a site sends may be anything
            reason = "the reply cannot be read"
            return make_message(
                metadata=self.head.metadata, error=Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, reason)
            )


class Link(Grid):
    """A task of a run, held by signs of life until it is closed.

    Args:
        door: keyword arguments that say where the SuperLink's Runtime API is.
        token: of the task.

    Raises:
        Away, Over: from every method; nothing is lost by calling it again.
    """

    def __init__(self, door: Mapping[str, Any], token: str) -> None:
        named = RuntimeVersionHttpInterceptor(component_name="flwr-serverapp")
        who: list[Any] = [named, RuntimeTokenHttpInterceptor(token=token)]
        # not by way of Flower's HttpGrid, whose package brings a database and a web server into the process
        self._client = RuntimeHttpClient.from_server_address(**door, interceptors=who, retry_invoker=None)
        self._node = Node(node_id=SUPERLINK_NODE_ID)
        self._run: Any = None
        self._beat = HeartbeatSender(beating(self._client, self._ended))
        self._coming: dict[str, _Coming] = {}
        self.over, self.number = False, 0

    def begin(self) -> int:
        """Take the task up and return the number of its run; messages are made for it from here on."""
        with told():
            taken = self._client.PullTaskInput(PullTaskInputRequest())
        TaskIdentity.task_id, TaskIdentity.run_id = taken.task_id, taken.run.run_id
        TaskIdentity.node_id, self.number = taken.context.node_id, int(taken.run.run_id)
        self._run = run_from_proto(taken.run)
        self._beat.start()
        return self.number

    def close(self, done: bool) -> None:
        """Tell the SuperLink how the run ended, if it listens."""
        if self._beat.is_running:
            self._beat.stop()
        status = SubStatus.COMPLETED if done else SubStatus.FAILED
        with suppress(httpx.HTTPError):
            self._client.PushTaskOutput(PushTaskOutputRequest(sub_status=status, details=""))
        self._client.close()

    def _ended(self) -> None:
        self.over = True

    def set_run(self, run: Any) -> None:
        """Accept Flower's run; the link has its own."""

    @property
    def run(self) -> Any:
        """Flower's run."""
        return self._run

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        """Return a message; kept because Flower's interface has it."""
        return Message(*args, **kwargs)

    def get_node_ids(self) -> Iterable[int]:
        """Return the numbers of the nodes of which the SuperLink has heard lately."""
        with told():
            return [node.node_id for node in self._client.GetNodes(GetNodesRequest()).nodes]

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Hand messages over; an empty number for one whose node the SuperLink has never heard of."""
        with told(), no_object_id_recompute():
            return self._pushed(list(messages))

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return the replies that are whole; of large ones, one at a time."""
        if self.over:
            raise Over("Flower's SuperLink has ended the run; look into its log")
        # of what it has told once, the SuperLink knows nothing any more
        known = {coming.head.metadata.reply_to_message_id for coming in self._coming.values()}
        with told():
            asked = PullAppMessagesRequest(message_ids=[n for n in message_ids if n not in known])
            found = self._client.PullMessages(asked)
            for head, tree in zip(found.messages_list, found.message_object_trees, strict=True):
                parts = [part.object_id for part in iterate_object_tree(tree)]
                self._coming[head.metadata.message_id] = _Coming(message_from_proto(head), parts)
        return self._whole()

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Kept because Flower's interface has it; whoever holds a link looks for replies itself."""
        raise NotImplementedError

    def _whole(self) -> list[Message]:
        done: list[Message] = []
        for number in list(self._coming):
            coming = self._coming[number]
            with told():
                reply = self._fetched(number, coming)
            if reply is not None:
                done.append(reply)
                del self._coming[number]
                if coming.there.size >= LARGE:
                    break
        return done

    def _fetched(self, number: str, coming: _Coming) -> Message | None:
        """Return a reply once all its parts are there, or an error where one is lost."""
        for part in coming.parts:
            if part not in coming.there and not self._taken(part, coming.there):
                return coming.failed("the reply was cut off")
            if part not in coming.there:
                return None  # the site still sends
        said = ConfirmMessageReceivedRequest(node=self._node, run_id=self.number, message_object_id=number)
        with suppress(httpx.HTTPError):  # else it is forgotten when the run ends
            self._client.ConfirmMessageReceived(said)
        return coming.opened(number)

    def _taken(self, part: str, into: Arriving) -> bool:
        """Take an object if it is there; return whether it can still come."""
        # in a function of its own, behind which nobody holds it any more
        got = self._client.PullObject(PullObjectRequest(node=self._node, run_id=self.number, object_id=part))
        if got.object_found and got.object_available:
            into.keep(part, got.object_content)
            _swept(got.ByteSize())
        return bool(got.object_found)

    def _pushed(self, messages: list[Message]) -> list[str]:
        objects: dict[str, Any] = {}
        for message in messages:
            message.metadata.__dict__["_message_id"] = message.object_id
            objects |= get_all_nested_objects(message)
        found = self._client.PushMessages(
            PushAppMessagesRequest(
                messages_list=[message_to_proto(remove_content_from_message(each)) for each in messages],
                message_object_trees=[get_object_tree(each) for each in messages],
            )
        )
        asked = set(found.objects_to_push)

        def push(number: str) -> None:
            # made here, and so not before its turn
            made = PushObjectRequest(
                node=self._node,
                run_id=self.number,
                object_id=number,
                object_content=objects[number].deflate(),
                session_id=found.session_id,
            )
            if not self._client.PushObject(made).stored:
                raise ObjectPushError(number, self.number, found.session_id)

        large = [n for n in objects if n in asked and isinstance(objects[n], Piece)]
        for number in large:  # Flower's client holds a piece four times over
            push(number)
            _swept(len(objects[number].array))
        _each(push, [n for n in objects if n in asked and n not in large])
        return list(found.message_ids)


def _each(work: Callable[[str], None], items: list[str]) -> None:
    """Do something to each, some at once; once it goes wrong with one, no other is begun."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for done in [pool.submit(work, item) for item in items]:
            done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _swept(size: int) -> None:
    """Let go of an answer of so many bytes: it and its stream hold each other, until somebody sweeps."""
    if size >= PIECE:
        gc.collect(1)


def beating(client: Any, ended: Callable[[], None]) -> Callable[[], bool]:
    """Return what sends one sign of life; Flower's own ends the process where a task is over.

    Args:
        client: of the Runtime API, with the task's token.
        ended: called when the task is over.
    """

    def beat() -> bool:
        try:
            if not client.SendTaskHeartbeat(SendTaskHeartbeatRequest()).success:
                ended()
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in OVER:
                return False
            ended()
        except httpx.HTTPError:
            return False
        return True

    return beat
