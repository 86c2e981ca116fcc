"""A whole deployment by its commands: a server, its sites, each a folder and processes of its own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.hub.rooms import SERVER, Rooms, rooms

EVALUATOR = "evaluator"
CAMERAS = tuple(f"cam{number}" for number in range(1, 7))
ISOFED = [sys.executable, "-m", "isofed"]
TREE = ["--identities", "16", "--test_identities", "4", "--images", "4", "--height", "32", "--width", "16"]
MODEL = ("task.stem=4", "task.stage2=4", "task.stage3=8", "task.dimensions=8")
SIZES = ("task.height=32", "task.width=16", "task.batch_identities=4", "task.batch_images=2")
SMALL = (*SIZES, *MODEL)
LONGEST = 240.0  # seconds after which anything is held to hang
# several commands in one process, which saves each of them Python's imports
EACH = """import json, sys
from isofed.__main__ import main
sys.exit(max(main(words) for words in json.loads(sys.argv[1])))"""
QUIET = {"OMP_NUM_THREADS": "1", "FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}


@dataclass
class Deployment:
    """What stands, and what runs.

    Args:
        base: one folder for each room.
        rooms: where each runs.
        running: processes by what they are: ``server``, or a site's name.
    """

    base: Path
    rooms: Rooms
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def hub(self) -> Path:
        """The server's folder."""
        return self.base / SERVER / "hub"

    def site(self, name: str) -> Path:
        """Return a site's folder."""
        return self.base / name / "site"

    def data(self, name: str) -> Path:
        """Return where a site's data lie."""
        return self.base / name / "data"

    def log(self, name: str) -> Path:
        """Return where what a room's process says is written."""
        return self.base.parent / f"{name}.log"

    def isofed(self, room: str, *words: str) -> str:
        """Run a command in a room to its end and return what it printed.

        Raises:
            AssertionError: it did not end well.
        """
        return done(self.rooms.command(room, [*ISOFED, *words]))

    def each(self, room: str, commands: Sequence[Sequence[str]]) -> str:
        """Run commands one after another in one process; return what they printed."""
        return done(self.rooms.command(room, each(commands)))

    def start(self, room: str, *words: str, name: str = "") -> "subprocess.Popen[bytes]":
        """Start a command in a room; it is ended with the deployment."""
        with self.log(name or room).open("ab") as log:
            self.running[name or room] = subprocess.Popen(
                self.rooms.command(room, [*ISOFED, *words]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **QUIET},
            )  # fmt: skip
        return self.running[name or room]

    def until_said(self, name: str, words: str, most: float = LONGEST) -> None:
        """Wait until a process has said something."""
        until(lambda: words in self.log(name).read_text(), most, lambda: self.log(name).read_text())

    def stop(self, name: str, hard: bool = False) -> None:
        """End a process and all that it keeps running; ``hard`` as a power cut would."""
        process = self.running.pop(name)
        process.kill() if hard else process.terminate()
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def serve(self) -> None:
        """Make the server and run it."""
        listen = "0.0.0.0" if self.rooms.apart else "127.0.0.1"
        words = ["--host", self.rooms.host, "--listen", listen]
        if not self.rooms.apart:
            for port in ("gateway", "enrolment", "superlink"):
                words += [f"--{port}-port", str(free_port())]
        self.isofed(SERVER, "server", "init", str(self.hub), *words)
        self.up_server()

    def up_server(self) -> None:
        """Run the server, which was made."""
        self.log(SERVER).write_bytes(b"")
        self.start(SERVER, "server", "up", str(self.hub))
        self.until_said(SERVER, " is up")

    def join(self, *names: str, layout: str = "sysu", level: str = "camera") -> None:
        """Let sites join, all at the same time: made, invited, applied, approved."""
        made: list[list[str]] = []
        for name in names:
            role = EVALUATOR if name == EVALUATOR else "trainer"
            words = ["--name", name, "--task", "reid", "--layout", layout, "--root", str(self.data(name))]
            words += ["--role", role, "--level", level]
            if not self.rooms.apart:
                words += ["--connector-port", str(free_port()), "--supernode-port", str(free_port())]
            made.append(["site", "init", str(self.site(name)), *words])
        # before there is a room to be in
        done(each(made))
        said = self.each(SERVER, [["server", "invite", str(self.hub), name] for name in names])
        self._applied(dict(zip(names, said.split(), strict=True)))

    def _applied(self, tokens: dict[str, str]) -> None:
        joining = {name: self._joining(name, token) for name, token in tokens.items()}
        for name in tokens:
            path = self.hub / "sites" / f"{name}.json"
            until(lambda path=path: json.loads(path.read_text())["state"] == "pending", LONGEST)  # type: ignore[misc]
        self.each(SERVER, [["server", "approve", str(self.hub), name] for name in tokens])
        for name, process in joining.items():
            said = process.communicate(timeout=LONGEST)[0].decode()
            assert process.returncode == 0, f"{name}: {said}"

    def _joining(self, name: str, token: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            self.rooms.command(name, [*ISOFED, "site", "join", str(self.site(name)), "--wait", "120"]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **QUIET},
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(token.encode())
        process.stdin.close()
        process.stdin = None
        return process

    def up(self, *names: str) -> None:
        """Run sites."""
        for name in names:
            self.log(name).write_bytes(b"")
            self.start(name, "site", "up", str(self.site(name)))
        for name in names:
            self.until_said(name, " is up")

    def keep(self, path: Path) -> None:
        """Write down what stands and runs, for another process: see :func:`kept`."""
        running = {name: process.pid for name, process in self.running.items()}
        about = {"base": str(self.base), "host": self.rooms.host, "pids": self.rooms.pids, "running": running}
        path.write_text(json.dumps(about))

    def run(self, *words: str, folder: str = "run") -> Path:
        """Run a federation from the server's room to its end; return the run's folder."""
        run = self.base / SERVER / folder
        self.isofed(SERVER, "run", f"hub={self.hub}", f"hydra.run.dir={run}", *words)
        return run


@contextmanager
def deployment(
    root: Path, names: Sequence[str] = (*CAMERAS, EVALUATOR), apart: bool = True
) -> Iterator[Deployment]:
    """Yield a deployment whose sites have their data, and nothing else yet; everything ends with the block.

    Args:
        root: an empty folder; ``tree`` in it becomes the whole data set.
        names: of the sites.
        apart: whether each is to have a room of its own, if this machine lets us.
    """
    base, tree, parts = root / "base", root / "tree", root / "parts"
    make = ["data", "make", "sysu", "--out", str(tree), *TREE]
    done(each([make, ["data", "split", "sysu", str(tree), str(parts)]]))
    (base / SERVER).mkdir(parents=True)
    for name in names:
        (base / name).mkdir()
        (parts / name).rename(base / name / "data")
    with ExitStack() as stack:
        made = Deployment(base, stack.enter_context(rooms(base, names, apart)))
        stack.callback(_ended, made)
        yield made


def kept(path: Path) -> Deployment:
    """Return the deployment that another process keeps up, and ends."""
    about = json.loads(path.read_text())
    running: Any = {name: psutil.Process(pid) for name, pid in about["running"].items()}
    return Deployment(Path(about["base"]), Rooms(about["host"], about["pids"]), running)


def _ended(made: Deployment) -> None:
    for process in made.running.values():
        process.terminate()
    for name in list(made.running):
        made.stop(name)


def each(commands: Sequence[Sequence[str]]) -> list[str]:
    """Return what runs several commands of isofed's, one after another, in one process."""
    return [sys.executable, "-c", EACH, json.dumps(commands)]


def done(command: Sequence[str]) -> str:
    """Run something to its end and return what it printed.

    Raises:
        AssertionError: it did not end well.
    """
    ran = subprocess.run(
        command, text=True, capture_output=True, timeout=LONGEST, env={**os.environ, **QUIET}
    )
    assert ran.returncode == 0, f"{command}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def until(
    so: Callable[[], Any], most: float = LONGEST, why: Callable[[], str] = lambda: "it did not happen"
) -> None:
    """Wait until something is so.

    Raises:
        AssertionError: it was not in time.
    """
    end = time.monotonic() + most
    while not so():
        assert time.monotonic() < end, why()
        time.sleep(0.1)


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
