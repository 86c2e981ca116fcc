"""Flower's SuperLink and SuperNode from outside: start a run, take a task, answer it, register a node.

The only module that uses names of Flower which it does not promise to keep; ``flwr`` is pinned for their
sake, and tests/protocols/test_runtime.py meets each of them on real processes. No code of a bundle is loaded
on either side: what a task names is a digest, and what runs is what is installed.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
from flwr.app import Context, Message
from flwr.cli.build import build_fab_from_files
from flwr.common.constant import SubStatus
from flwr.common.serde import fab_to_proto, run_from_proto, user_config_to_proto
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    RegisterNodeRequest,
    StartRunRequest,
    StopRunRequest,
    UnregisterNodeRequest,
)
from flwr.proto.runtime_pb2 import AcquireTaskRequest, PullTaskInputRequest, PushTaskOutputRequest
from flwr.serverapp import Grid
from flwr.supercore.constant import TaskType
from flwr.supercore.control.control_http_client import ControlHttpClient
from flwr.supercore.fab import Fab
from flwr.supercore.heartbeat import HeartbeatSender, make_task_heartbeat_fn_http
from flwr.supercore.interceptors import (
    RuntimeTokenHttpInterceptor,
    RuntimeVersionHttpInterceptor,
    SuperExecAuthHttpInterceptor,
)
from flwr.supercore.retry import make_simple_http_retry_invoker
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.supercore.superexec.run_superexec import _SUPEREXEC_AUTH_METHODS
from flwr.supercore.task_identity import TaskIdentity
from flwr.superlink.grid import HttpGrid
from flwr.supernode.runtime.run_clientapp import pull_task_input, push_message, push_task_output

from isofed import __version__
from isofed.errors import RoundError

POLL = 0.05  # seconds between two looks for a task
SERVER_TASK, SITE_TASK = str(TaskType.SERVER_APP), str(TaskType.CLIENT_APP)
_PROJECT = f"""[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "isofed-stub"
version = "{__version__}"
[tool.flwr.app]
publisher = "isofed"
[tool.flwr.app.components]
serverapp = "stub:app"
clientapp = "stub:app"
[tool.flwr.app.config]
cfg = ""
"""


@dataclass(frozen=True)
class Door:
    """Where a Flower process listens, and what it asks of whoever comes.

    Args:
        address: ``host:port``.
        secret: what SuperLink or SuperNode was given as ``--superexec-auth-secret-file``; empty where it is
            not needed, as for the Control API.
        root: PEM of the authority that signed its certificate; None where it listens on loopback without TLS.
    """

    address: str
    secret: bytes = b""
    root: bytes | None = None

    def _options(self) -> dict[str, Any]:
        insecure = self.root is None
        return {"server_address": self.address, "insecure": insecure, "root_certificates": self.root}

    def control(self) -> ControlHttpClient:
        """Return a client of the Control API."""
        return ControlHttpClient.from_server_address(**self._options(), interceptors=[])

    def runtime(self, name: str, token: str = "") -> RuntimeHttpClient:
        """Return a client of the Runtime API: with a task's token for that task, else to look for tasks."""
        who: list[Any] = [RuntimeVersionHttpInterceptor(component_name=name)]
        if token:
            who.append(RuntimeTokenHttpInterceptor(token=token))
        elif self.secret:
            who.append(
                SuperExecAuthHttpInterceptor(
                    master_secret=self.secret, protected_methods=_SUPEREXEC_AUTH_METHODS
                )
            )
        retry = make_simple_http_retry_invoker() if token else None
        return RuntimeHttpClient.from_server_address(**self._options(), interceptors=who, retry_invoker=retry)

    def acquire(self, kind: str) -> Iterator[str | None]:
        """Yield the token of each task of a kind, once; None whenever there is none, or nobody answers."""
        client = self.runtime("SuperExec")
        try:
            while True:
                found = None
                with suppress(httpx.HTTPError):
                    found = client.AcquireTask(AcquireTaskRequest(supported_task_types=[kind]))
                yield found.token if found is not None and found.token else None
        finally:
            client.close()


def bundle() -> tuple[bytes, str]:
    """Return the application bundle that every run carries, and its SHA-256: a description without code."""
    files: Mapping[str, Any] = {
        "pyproject.toml": _PROJECT.encode(),
        "README.md": b"What runs is what is installed at the site; this bundle holds nothing.\n",
    }
    content, _ = build_fab_from_files(files)
    return content, hashlib.sha256(content).hexdigest()


def start_run(door: Door, cfg: str) -> int:
    """Ask a SuperLink to open a run that carries the configuration as JSON; return its number."""
    content, digest = bundle()
    request = StartRunRequest(
        fab=fab_to_proto(Fab(digest, content, {})), override_config=user_config_to_proto({"cfg": cfg})
    )
    with door.control() as client:
        answer = client.StartRun(request)
    if not answer.HasField("run_id"):
        raise RoundError("Flower's SuperLink refused to open a run; look into its log")
    return int(answer.run_id)


def stop_run(door: Door, run: int) -> None:
    """End a run that nobody will finish."""
    with door.control() as client:
        client.StopRun(StopRunRequest(run_id=run))


def register_node(door: Door, public_key: bytes) -> int:
    """Let a SuperNode's key in; return the number that it will have for good."""
    with door.control() as client:
        return int(client.RegisterNode(RegisterNodeRequest(public_key=public_key)).node_id)


def unregister_node(door: Door, number: int) -> None:
    """Let a SuperNode in no more."""
    with door.control() as client:
        client.UnregisterNode(UnregisterNodeRequest(node_id=number))


def nodes(door: Door) -> Mapping[int, str]:
    """Return the registered SuperNodes' numbers with their status: registered, online, offline."""
    with door.control() as client:
        return {
            int(node.node_id): str(node.status) for node in client.ListNodes(ListNodesRequest()).nodes_info
        }


@contextmanager
def serving(door: Door, run: int, wait: float = 30.0) -> Iterator[Grid]:
    """Be the run's ServerApp: yield its grid, and tell the SuperLink how it ended.

    Args:
        door: of the SuperLink's Runtime API, in process isolation.
        run: a number from :func:`start_run`.
        wait: seconds until the SuperLink must have handed the run's task out.

    Raises:
        RoundError: it did not, as when another process takes its tasks.
    """
    grid = HttpGrid(
        door.address, insecure=door.root is None, root_certificates=door.root, token=_token(door, wait)
    )
    client, ended = grid._runtime_client, SubStatus.FAILED
    beat = HeartbeatSender(make_task_heartbeat_fn_http(client))
    beat.start()
    try:
        taken = client.PullTaskInput(PullTaskInputRequest())
        if taken.run.run_id != run:
            raise RoundError("the SuperLink hands out another run's task; end that run first")
        TaskIdentity.task_id, TaskIdentity.run_id = taken.task_id, taken.run.run_id
        TaskIdentity.node_id = taken.context.node_id
        grid.set_run(run_from_proto(taken.run))
        yield grid
        ended = SubStatus.COMPLETED
    finally:
        beat.stop()
        with suppress(httpx.HTTPError):
            client.PushTaskOutput(PushTaskOutputRequest(sub_status=ended, details=""))
        grid.close()


def _token(door: Door, wait: float) -> str:
    end = time.monotonic() + wait
    for token in door.acquire(SERVER_TASK):
        if token:
            return token
        if time.monotonic() > end:
            break
        time.sleep(POLL)
    raise RoundError("the SuperLink hands out no task for the run; is another process taking its tasks?")


@dataclass(frozen=True)
class Asked:
    """A message for a site, as its SuperNode hands it over.

    Args:
        message: what is asked.
        cfg: the run's configuration as JSON.
        bundle: SHA-256 of the run's application bundle.
        number: the node's.
    """

    message: Message
    cfg: str
    bundle: str
    context: Context


def answer_task(door: Door, token: str, handle: Callable[[Asked], Message]) -> None:
    """Take a task's message, let ``handle`` answer it, and hand the reply over.

    Signs of life go on meanwhile. ``handle`` raises nothing: what goes wrong is an error reply.
    """
    client = door.runtime("flwr-clientapp", token)
    beat = HeartbeatSender(make_task_heartbeat_fn_http(client))
    beat.start()
    status = SubStatus.FAILED
    try:
        message, context, _, fab = pull_task_input(client)
        cfg = str(context.run_config.get("cfg", ""))
        digest = hashlib.sha256(fab.content).hexdigest()
        push_message(client, handle(Asked(message, cfg, digest, context)), context)
        status = SubStatus.COMPLETED
    finally:
        beat.stop()
        with suppress(httpx.HTTPError):
            push_task_output(client=client, context=None, sub_status=status, details="")
        client.close()
