"""Flower's Ray simulation as an engine: the same loop and the same client app as on the local one.

One simulation serves a whole run: a ServerApp that lends its grid to the loop, and as many virtual nodes
as the largest federation has; each federation in turn tells them which sites they play.
"""

import logging
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Queue
from threading import Event, Thread
from typing import Any

import psutil
from flwr.app import Message, MessageType
from flwr.common.constant import ErrorCode
from flwr.serverapp import Grid, ServerApp

from isofed.errors import CompositionError, RoundError
from isofed.events import Emit
from isofed.simulations import ray_reaper
from isofed.simulations.grid import Node, exchange, identify
from isofed.simulations.ray_nodes import VirtualNode, introduced, introduction
from isofed.simulations.stopped import taken_back

POLL_SECONDS = 0.02
END_SECONDS = 20.0
A_YEAR = 365 * 86400.0
SILENT = logging.CRITICAL + 1
MOST = 10_000  # virtual nodes; Flower makes all before the first round, and a round takes their square
PREFIX = "isofed-ray-"
LONGEST_FOLDER = 44  # characters; Ray's sockets lie deep inside, and their paths may have 107
# Ray's reports to its makers; its packing of the folder one stands in; and the hiding of GPUs from actors
# that asked Ray for none, because a node's own configuration says where it computes
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


@dataclass
class RayEngine:
    """What ``engine=ray`` puts in the place of the local grid; see ``Pool.engine``.

    Args:
        actors: processes.
        threads: torch threads of each.
    """

    actors: int
    threads: int
    _session: "Session | None" = field(default=None, repr=False)

    def __call__(self, nodes: Mapping[str, Node], cfg: str, emit: Emit) -> tuple[Grid, dict[str, int]]:
        """Give every node of a federation to a virtual one; return the grid and their numbers by name.

        Raises:
            CompositionError: more nodes than Flower's simulation bears.
        """
        if len(nodes) > MOST:
            raise CompositionError(
                f"engine=ray makes a virtual node of every site before the first round, and {len(nodes) - 1} "
                f"sites are more than the {MOST - 1} that it bears; write engine=local"
            )
        grid = RayGrid(self._serving(len(nodes), emit))
        # one identity holds for the whole process, and a local grid may have taken it meanwhile
        identify(grid.run.run_id)
        numbers = grid.present(len(nodes))
        messages = [
            Message(introduction(name, node.config, cfg), number, MessageType.QUERY)
            for (name, node), number in zip(nodes.items(), numbers, strict=False)
        ]
        # who plays whom is what the nodes say
        found = {introduced(r): r.metadata.src_node_id for r in grid.send_and_receive(messages)}
        taken_back()  # from Ray, which has begun by now, and whose handler writes a trace and aborts
        return grid, found

    def stop(self, now: bool = False) -> None:
        """End the simulation and all its processes; ``now`` does not wait for what they are doing."""
        if self._session is not None:
            self._session.stop(now)
            self._session = None

    def _serving(self, size: int, emit: Emit) -> "Session":
        if self._session is not None and self._session.size < size:
            self.stop()
        if self._session is None:
            emit("starting", what=f"starting Ray with {self.actors} actors")
            self._session = Session(size)
            self._session.start(self.actors, self.threads)
        return self._session


@dataclass
class Session:
    """A simulation under way: Flower in a thread, Ray in processes of its own.

    Args:
        size: virtual nodes.
        over: set, it ends.
        error: why it ended by itself.
    """

    size: int
    over: Event = field(default_factory=Event)
    error: str = ""
    _lent: "Queue[Grid | None]" = field(default_factory=Queue)
    _thread: Thread | None = None
    _grid: Grid | None = None

    def start(self, actors: int, threads: int) -> None:
        """Start ``actors`` processes of ``threads`` torch threads each."""
        # Linux ends Ray's daemons with the thread that started them
        self._thread = Thread(target=self._simulate, args=(actors, VirtualNode(threads)), daemon=True)
        self._thread.start()

    @property
    def grid(self) -> Grid:
        """Flower's grid, as soon as there is one.

        Raises:
            RoundError: the simulation ended by itself.
        """
        if self._grid is None:
            self._grid = self._lent.get()
        if self._grid is None or self.over.is_set():
            raise RoundError(f"Flower's Ray simulation ended by itself: {self.error}; free memory and resume")
        return self._grid

    def stop(self, now: bool = False) -> None:
        """End it, and wait until all processes are gone."""
        self.over.set()
        end = time.monotonic() + END_SECONDS
        while self._thread is not None and self._thread.is_alive() and time.monotonic() < end:
            if now:
                _kill_actors()
            self._thread.join(0.2)

    def _simulate(self, actors: int, client: Any) -> None:
        try:
            from flwr.simulation import run_simulation

            with _settings() as extra:
                start = {"address": "local", "num_cpus": actors, "log_to_driver": False, **extra}
                config: Any = {"init_args": start, "client_resources": {"num_cpus": 1, "num_gpus": 0.0}}
                run_simulation(self._server(), client, self.size, backend_config=config)
        except Exception as error:
            self.error = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        finally:
            self.over.set()
            self._lent.put(None)

    def _server(self) -> ServerApp:
        """Return a ServerApp that gives its grid away and stays until all is over."""
        app = ServerApp()

        @app.main()
        def main(grid: Grid, context: Any) -> None:
            self._lent.put(grid)
            self.over.wait()

        return app


@contextmanager
def _settings() -> Iterator[dict[str, Any]]:
    """Yield arguments for Ray, while it and Flower say nothing and send nothing; undo all afterwards."""
    from ray._private import worker  # the only switch for what raylet says when an actor dies

    # Flower tells the actors by PYTHONPATH where modules are, and leaves it so
    before = {name: os.environ.get(name) for name in (*SETTINGS, ray_reaper.VARIABLE, "PYTHONPATH")}
    flower = logging.getLogger("flwr")
    level, folder = flower.level, tempfile.mkdtemp(prefix=PREFIX)
    watcher = ray_reaper.watch(folder)
    os.environ.update({**SETTINGS, ray_reaper.VARIABLE: folder})
    flower.setLevel(SILENT)
    worker._worker_logs_enabled = False
    try:
        yield {"logging_level": SILENT} | ({"_temp_dir": folder} if len(folder) <= LONGEST_FOLDER else {})
    finally:
        _restore(before)
        flower.setLevel(level)
        worker._worker_logs_enabled = True
        ray_reaper.release(watcher, END_SECONDS)


def _restore(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


def _kill_actors() -> None:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.name().startswith("ray::ClientAppActor"):
                process.kill()


class RayGrid(Grid):
    """Flower's grid, which waits a moment where nothing is new and notices when its engine is gone."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def set_run(self, run: Any) -> None:
        """Accept Flower's run; the grid has its own."""

    @property
    def run(self) -> Any:
        """Flower's run."""
        return self._session.grid.run

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        """Return a message; kept because Flower's interface has it."""
        return self._session.grid.create_message(*args, **kwargs)

    def get_node_ids(self) -> Iterable[int]:
        """Return the virtual nodes' numbers, which Flower draws anew for every simulation."""
        return self._session.grid.get_node_ids()

    def present(self, count: int) -> list[int]:
        """Wait until so many nodes are there: Flower registers them while its ServerApp already runs."""
        while len(numbers := list(self.get_node_ids())) < count:
            time.sleep(POLL_SECONDS)
        return numbers

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Take messages. Flower would give up after half a day, but here a client is only slow.

        Raises:
            RoundError: Flower refused one, of which it only tells its log.
        """
        messages = list(messages)
        for message in messages:
            message.metadata.ttl = A_YEAR
        pushed = list(self._session.grid.push_messages(messages))
        if len(pushed) < len(messages):
            raise RoundError("Flower's simulation did not take all messages; resume the run")
        return pushed

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Return the replies that are there; waits a moment where none is.

        Raises:
            BrokenProcessPool: an actor was lost; Flower would go on giving it work.
            RoundError: the simulation ended by itself.
        """
        replies = list(self._session.grid.pull_messages(message_ids))
        if any(r.has_error() and r.error.code != ErrorCode.CLIENT_APP_RAISED_EXCEPTION for r in replies):
            raise BrokenProcessPool("a Ray actor was lost")
        if not replies:
            time.sleep(POLL_SECONDS)
        return replies

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Push messages and return all replies, in the order in which they come."""
        return exchange(self, messages)
