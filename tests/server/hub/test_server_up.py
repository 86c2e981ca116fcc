import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from isofed.children import Child, alone
from isofed.errors import ConfigError
from isofed.files import write_json
from isofed.protocols.invitation import parse
from isofed.protocols.keys import new_key, public_pem
from isofed.server.hub import authority, status, up
from isofed.server.hub.authority import init, register
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.settings import HubSettings, read_settings
from isofed.server.hub.watch import LOST

SLEEPS = [sys.executable, "-c", "import time; time.sleep(1200)"]
PARTS = ("superlink", "gateway", "enrolment")


def free_ports(count: int) -> list[int]:
    """Return ports at which nobody listens."""
    doors = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(door.getsockname()[1]) for door in doors]
    for door in doors:
        door.close()
    return ports


@pytest.fixture
def hub(tmp_path: Path) -> HubFolder:
    folder = HubFolder(tmp_path / "hub")
    init(folder, HubSettings("127.0.0.1", "test", "127.0.0.1", *free_ports(3)))
    return folder


@contextmanager
def kept(signals: tuple[int, ...] = (signal.SIGTERM, signal.SIGINT)) -> Iterator[None]:
    """Put signal handlers back."""
    before = {number: signal.getsignal(number) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_server_is_up_until_it_is_stopped_and_ends_in_the_reverse_order(
    hub: HubFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, ended, agreed = list[str](), list[str](), list[HubFolder]()
    parts = tuple(Child(name, SLEEPS, hub.logs) for name in PARTS)
    end = Child.end
    monkeypatch.setattr(Child, "end", lambda child: (ended.append(child.name), end(child))[1])
    monkeypatch.setattr(up, "processes", lambda folder, settings: parts)
    monkeypatch.setattr(up, "register_missing", lambda folder: agreed.append(folder) or True)
    before = hub.secret.read_bytes() if hub.secret.exists() else b""

    def stop() -> None:
        while not agreed:
            time.sleep(0.02)
        with pytest.raises(ConfigError, match="taken"), alone(hub.root / up.LOCK, "taken"):
            pass
        assert up.is_up(hub)
        os.kill(os.getpid(), signal.SIGTERM)

    other = threading.Thread(target=stop)
    with kept():
        other.start()
        assert up.main(hub, said.append) == 0
        other.join()
    assert "test is up" in said[0] and said[-1] == "the server is down"
    assert ended == ["enrolment", "gateway", "superlink"] and not up.is_up(hub)
    # a new secret each time
    assert len(hub.secret.read_bytes()) == 32 and hub.secret.read_bytes() != before
    assert hub.secret.stat().st_mode & 0o777 == 0o600


def test_one_server_a_folder_and_ports_that_are_free(hub: HubFolder) -> None:
    with kept():
        with alone(hub.root / up.LOCK, ""), pytest.raises(ConfigError, match="is up already"):
            up.main(hub, print)
        port = read_settings(hub).gateway_port
        with socket.create_server(("127.0.0.1", port)), pytest.raises(ConfigError, match=f"port {port} of"):
            up.main(hub, print)


def test_the_superlink_listens_on_loopback_with_tls_and_runs_no_code(hub: HubFolder) -> None:
    settings = read_settings(hub)
    words = up.superlink(hub, settings)
    assert words[words.index("--host") + 1] == "127.0.0.1" and "--insecure" not in words
    for flag in ("--enable-supernode-auth", "--disable-runtime-dependency-installation", "--ssl-keyfile"):
        assert flag in words
    assert words[words.index("--isolation") + 1] == "process"
    for child in up.processes(hub, settings):
        assert child.environment["FLWR_TELEMETRY_ENABLED"] == "0"
        assert child.environment["FLWR_HOME"].startswith(str(hub.root))


def test_a_renewed_certificate_restarts_the_superlink_alone(hub: HubFolder) -> None:
    ended, stop = list[str](), threading.Event()

    class Part:
        def __init__(self, name: str) -> None:
            self.name, self.looked = name, 0

        def look(self, say: Any) -> None:
            self.looked += 1
            if self.looked == 1 and self.name == "superlink":
                os.utime(hub.certificate, ns=(1, 1))
            if self.looked == 3:
                stop.set()

        def end(self) -> None:
            ended.append(self.name)

    up._watch(hub, tuple(Part(name) for name in PARTS), stop, lambda text: None)  # type: ignore[arg-type,misc]
    assert ended == ["superlink"]


def test_a_server_stays_up_whatever_one_sites_files_say(
    hub: HubFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(folder: HubFolder) -> bool:
        raise ConfigError("the SuperLink refuses the key of 'cam1'")

    said: list[str] = []
    monkeypatch.setattr(up, "register_missing", fails)
    assert up._agree(hub, "stamp", said.append) == "stamp" and "cam1" in said[0]
    monkeypatch.setattr(up, "register_missing", lambda folder: False)
    assert up._agree(hub, "stamp", said.append) is None


def shown(hub: HubFolder, now: float) -> tuple[int, str]:
    """Return the exit code of a status and what it says."""
    said: list[str] = []
    return status.main(hub, said.append, now), "\n".join(said)


def test_the_status_says_what_runs_and_who_is_there(hub: HubFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = shown(hub, 1000.0)
    assert code == 1 and "isofed server up is not running" in said and "no site is approved yet" in said
    assert said.count("does not answer") == 3 and "none is running" in said
    for name, node in (("cam1", 5), ("cam2", 6), ("cam3", 0)):
        sites = register(hub)
        key = public_pem(new_key().public_key())
        said_of = {"role": "trainer", "level": "camera", "task": "reid"}
        sites.apply(name, parse(authority.invite(hub, name)).secret, key, said_of)
        if node:
            sites.approve(name, authority.issuer(hub))
    now = 2000.0
    about = {"heard": now - 2, "busy": True, "round": 4, "run": "abc", "level": "camera", "free": 3 * 2**30}
    write_json(hub.contacts, {"cam1": about, "cam2": {"heard": now - LOST - 1}})
    day = {"time": "1970-01-01T00:30:00+0000", "site": "cam9", "reason": "its certificate is revoked"}
    hub.logs.mkdir(exist_ok=True)
    (hub.logs / status.REFUSALS).write_text(json.dumps(day) + "\nbroken\n")
    monkeypatch.setattr(status, "answers", lambda folder, part: True)
    (hub.root / "runs").mkdir()
    with alone(hub.root / up.LOCK, ""), alone(hub.root / "runs" / ".lock", ""):
        code, said = shown(hub, now)
    assert code == 0 and "kept up by isofed server up" in said and "one is running" in said
    one, two = (
        next(line for line in said.splitlines() if line.startswith(name)) for name in ("cam1", "cam2")
    )
    assert one.split() == ["cam1", "trainer", "camera", "2", "s", "ago", "yes", "4", "abc", "3", "GiB"]
    assert "13 s ago, lost" in two
    assert "waiting for approval: cam3" in said
    assert "1 refused within a day, the last 3 min ago: cam9: its certificate is revoked" in said


def test_ports_are_told_apart_from_silence(hub: HubFolder) -> None:
    port = read_settings(hub).gateway_port
    assert not up.answers(hub, "gateway")
    with socket.create_server(("127.0.0.1", port)):
        assert up.answers(hub, "gateway")
        assert not up.answers(hub, "superlink")
