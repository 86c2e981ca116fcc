"""Flower's SuperLink and SuperNode from outside: start a run, take a task, register a node.

With :mod:`isofed.protocols.link`, :mod:`isofed.protocols.pieces` and :mod:`isofed.protocols.answering` the
only module that uses names of Flower which it does not promise to keep;
``flwr`` is pinned for their sake, and tests/protocols/test_runtime.py meets each of them on real processes.
No code of a bundle is loaded on either side: what a task names is a digest, and what runs is what is
installed.
"""

import hashlib
import io
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
from flwr.common.constant import FAB_DATE, Status
from flwr.common.serde import fab_to_proto, user_config_to_proto
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    ListRunsRequest,
    RegisterNodeRequest,
    StartRunRequest,
    StopRunRequest,
    UnregisterNodeRequest,
)
from flwr.proto.runtime_pb2 import AcquireTaskRequest
from flwr.supercore.constant import TaskType
from flwr.supercore.control.control_http_client import ControlHttpClient
from flwr.supercore.fab import Fab
from flwr.supercore.interceptors import (
    RuntimeTokenHttpInterceptor,
    RuntimeVersionHttpInterceptor,
    SuperExecAuthHttpInterceptor,
)
from flwr.supercore.retry import RetryInvoker, exponential
from flwr.supercore.runtime import RuntimeHttpClient

from isofed import __version__
from isofed.errors import RoundError
from isofed.protocols.link import Away, Link, Over, told
from isofed.protocols.tasks import PATIENCE

POLL = 0.05  # seconds between two looks for a task
SERVER_TASK, SITE_TASK = str(TaskType.SERVER_APP), str(TaskType.CLIENT_APP)
_AUTHENTICATED = frozenset({"/flwr.proto.Runtime/AcquireTask"})
_PROJECT = f"""[build-system]
requires = [
    "hatchling",
]
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
_README = "What runs is what is installed at the site; this bundle holds nothing.\n"


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

    @property
    def options(self) -> dict[str, Any]:
        """What Flower's clients are told of it."""
        insecure = self.root is None
        return {"server_address": self.address, "insecure": insecure, "root_certificates": self.root}

    def control(self) -> ControlHttpClient:
        """Return a client of the Control API."""
        return ControlHttpClient.from_server_address(**self.options, interceptors=[])

    def runtime(self, name: str, token: str = "") -> RuntimeHttpClient:
        """Return a client of the Runtime API: with a task's token for that task, else to look for tasks."""
        who: list[Any] = [RuntimeVersionHttpInterceptor(component_name=name)]
        if token:
            who.append(RuntimeTokenHttpInterceptor(token=token))
        elif self.secret:
            who.append(
                SuperExecAuthHttpInterceptor(master_secret=self.secret, protected_methods=_AUTHENTICATED)
            )
        retry = _retrying() if token else None
        return RuntimeHttpClient.from_server_address(**self.options, interceptors=who, retry_invoker=retry)

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
    """Return the application bundle that every run carries, and its SHA-256: a description without code.

    Made here as Flower makes it, because Flower's maker brings its commands into the process.
    """
    files = {"pyproject.toml": _PROJECT, "README.md": _README}
    files[".info/CONTENT"] = "\n".join(_listed(name, text.encode()) for name, text in files.items())
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, text in files.items():
            file.writestr(zipfile.ZipInfo(name, FAB_DATE), text)
    return content.getvalue(), hashlib.sha256(content.getvalue()).hexdigest()


def _listed(name: str, content: bytes) -> str:
    return f"{name},{hashlib.sha256(content).hexdigest()},{8 * len(content)}"


def start_run(door: Door, cfg: str) -> int:
    """Ask a SuperLink to open a run that carries the configuration as JSON; return its number.

    Raises:
        Away: it cannot be reached.
        RoundError: it refused.
    """
    content, digest = bundle()
    request = StartRunRequest(
        fab=fab_to_proto(Fab(digest, content, {})), override_config=user_config_to_proto({"cfg": cfg})
    )
    with told(), door.control() as client:
        answer = client.StartRun(request)
    if not answer.HasField("run_id"):
        raise RoundError("Flower's SuperLink refused to open a run; look into its log")
    return int(answer.run_id)


def stop_run(door: Door, run: int) -> None:
    """End a run that nobody will finish."""
    with told(), door.control() as client:
        client.StopRun(StopRunRequest(run_id=run))


def stop_runs(door: Door) -> None:
    """End every run that is not finished: where one runs at a time, those of processes that are no more."""
    with told(), door.control() as client:
        known = client.ListRuns(ListRunsRequest()).run_dict
        for number in [n for n, run in known.items() if run.status.status != Status.FINISHED]:
            with suppress(httpx.HTTPStatusError):  # it finished meanwhile
                client.StopRun(StopRunRequest(run_id=number))


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


def node_keys(door: Door) -> Mapping[str, int]:
    """Return the numbers of the SuperNodes that are let in, by their public keys as PEM."""
    with door.control() as client:
        found = client.ListNodes(ListNodesRequest()).nodes_info
    return {node.public_key.decode(): int(node.node_id) for node in found if node.status != "unregistered"}


def opened(door: Door, run: int, wait: float = 30.0) -> Link:
    """Become the run's ServerApp and return its link; tasks of other runs, left by the dead, are ended.

    Args:
        door: of the SuperLink's Runtime API, in process isolation.
        run: a number from :func:`start_run`.
        wait: seconds until the SuperLink must have handed the run's task out.

    Raises:
        RoundError: it did not, as when another process takes its tasks.
    """
    end = time.monotonic() + wait
    for token in door.acquire(SERVER_TASK):
        if token:
            link = Link(door.options, token)
            with suppress(Over, Away):
                if link.begin() == run:
                    return link
            link.close(done=False)
        elif time.monotonic() > end:
            break
        else:
            time.sleep(POLL)
    raise RoundError("the SuperLink hands out no task for the run; is another process taking its tasks?")


@contextmanager
def serving(door: Door, run: int, wait: float = 30.0) -> Iterator[Link]:
    """Yield a run's link, as :func:`opened`, and tell the SuperLink how it ended."""
    link, done = opened(door, run, wait), False
    try:
        yield link
        done = True
    finally:
        link.close(done)


def _retrying() -> RetryInvoker:
    """Return what asks again where nobody answers; Flower's own ends the process where a task is over."""
    return RetryInvoker(
        lambda: exponential(base_delay=0.1, max_delay=2),
        httpx.TransportError,
        max_tries=None,
        max_time=PATIENCE,
        wait_function=time.sleep,
    )
