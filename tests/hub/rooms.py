"""Rooms of one machine: each sees its own folder and no other, and meets the server over a wire of its own.

A room is a mount and a network namespace of Linux, so it takes root, ``unshare``, ``nsenter`` and ``ip``.
Where they are missing there is one room for all: separate processes and folders, and nothing more.
"""

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SERVER = "server"
TOOLS = ("unshare", "nsenter", "ip", "mount")
LIBC, CLONE_NEWNET = ctypes.CDLL(None, use_errno=True), 0x40000000
ADDRESS = "10.77.0.1"  # the server's, on its own loopback, so that it is the same on every wire
# what a room does before it sleeps: its own folder, moved aside, is put back over an empty one
ROOM = """set -e
ip link set lo up
mount --bind "$1" "$3"; mount -t tmpfs tmpfs "$2"; mkdir "$1"; mount --bind "$3" "$1"; umount "$3"
echo ready; exec sleep infinity"""


@dataclass(frozen=True)
class Rooms:
    """Where commands run.

    Args:
        host: under which address rooms reach the server's.
        pids: of a sleeping process in each room; nothing where there are no rooms.
    """

    host: str = "127.0.0.1"
    pids: dict[str, int] = field(default_factory=dict)

    def address(self, room: str) -> str:
        """Return where a room is found from the server's; nothing where there are no rooms."""
        numbers = [name for name in self.pids if name != SERVER]
        return f"{_near(numbers.index(room) + 1)}.2" if self.apart else ""

    @property
    def apart(self) -> bool:
        """Whether the rooms are apart."""
        return bool(self.pids)

    def command(self, room: str, words: Sequence[str]) -> list[str]:
        """Return a command as it runs in a room."""
        if not self.apart:
            return [*words]
        return ["nsenter", "--target", str(self.pids[room]), "--mount", "--net", "--", *words]

    @contextmanager
    def entered(self, room: str) -> Iterator[None]:
        """Be on a room's network while the block lasts: this thread, and those that it starts."""
        if not self.apart:
            yield
            return
        # the file is the network: as long as it is open, there is a way back
        with open("/proc/thread-self/ns/net") as home, open(f"/proc/{self.pids[room]}/ns/net") as there:
            _moved(there.fileno())
            try:
                yield
            finally:
                _moved(home.fileno())


def possible() -> bool:
    """Return whether this machine lets us make rooms."""
    if os.getuid() != 0 or not all(map(shutil.which, TOOLS)):
        return False
    tried = ["unshare", "--mount", "--net", "sh", "-c", "ip link add name one type veth peer name two"]
    return subprocess.run(tried, capture_output=True).returncode == 0


@contextmanager
def rooms(base: Path, names: Sequence[str], apart: bool = True) -> Iterator[Rooms]:
    """Yield a room for the server and one for each name, whose folder under ``base`` it sees alone.

    Args:
        base: holds a folder of each name, and one called ``server``.
        names: of the other rooms.
        apart: False for one room.
    """
    if not apart or not possible():
        yield Rooms()
        return
    sleepers: dict[str, subprocess.Popen[str]] = {}
    with tempfile.TemporaryDirectory(prefix="isofed-rooms-") as spare:
        try:
            for name in (SERVER, *names):
                sleepers[name] = _room(base, name, Path(spare) / name)
            found = Rooms(ADDRESS, {name: sleeper.pid for name, sleeper in sleepers.items()})
            _wire(found, names)
            yield found
        finally:
            for sleeper in sleepers.values():
                sleeper.kill()
                sleeper.communicate()


def _room(base: Path, name: str, spare: Path) -> "subprocess.Popen[str]":
    spare.mkdir()
    unshare = str(shutil.which("unshare"))
    words = [unshare, "--mount", "--net", "sh", "-c", ROOM, name, str(base / name), str(base), str(spare)]
    leash = [sys.executable, "-m", "isofed.leash", str(os.getpid())]
    sleeper = subprocess.Popen([*leash, *words], stdout=subprocess.PIPE, text=True)
    assert sleeper.stdout is not None and sleeper.stdout.readline() == "ready\n", f"no room for {name}"
    return sleeper


def _wire(found: Rooms, names: Sequence[str]) -> None:
    """Lay a wire from each room to the server's, and none between two others."""
    server = [f"ip addr add {ADDRESS}/32 dev lo"]
    for number, name in enumerate(names, 1):
        near, wire = _near(number), f"wire{number}"
        peer = f"peer name eth0 netns {found.pids[name]}"
        server += [f"ip link add name {wire} type veth {peer}", f"ip addr add {near}.1/24 dev {wire}"]
        server.append(f"ip link set {wire} up")
    _told(found, SERVER, server)
    for number, name in enumerate(names, 1):
        near = _near(number)
        lines = [f"ip addr add {near}.2/24 dev eth0", "ip link set eth0 up"]
        _told(found, name, [*lines, f"ip route add {ADDRESS} via {near}.1"])


def _near(number: int) -> str:
    return f"10.77.{number}"


def _moved(network: int) -> None:
    if LIBC.setns(network, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "this thread cannot change its network")


def _told(found: Rooms, room: str, lines: Sequence[str]) -> None:
    subprocess.run(found.command(room, ["sh", "-ec", "\n".join(lines)]), check=True)
