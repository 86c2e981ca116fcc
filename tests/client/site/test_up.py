import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from isofed import children
from isofed.children import Child, alone, begun
from isofed.client.site import up
from isofed.client.site.folder import SiteFolder
from isofed.client.site.settings import read_settings
from isofed.errors import ConfigError
from tests.client.site.site_case import made_site, until
from tests.pace import LONG

SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    # one that nobody has waited for is there, but does nothing any more
    return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_process_that_ends_is_started_again_later_and_later(tmp_path: Path) -> None:
    child, said = Child("fails", [sys.executable, "-c", "raise SystemExit(3)"], tmp_path), list[str]()
    pauses = []
    for _ in range(3):
        child.due = 0.0
        child.look(said.append)
        assert child.process is not None
        child.process.wait()
        child.look(said.append)
        child.look(said.append)  # too early
        assert child.process is None
        pauses.append(child.pause)
    assert pauses == [1.0, 2.0, 4.0]
    assert said[0] == "fails ended with 3; again in 1 s, see fails.log"


def test_one_that_ran_for_long_is_started_again_soon(tmp_path: Path) -> None:
    child = Child("fails", [sys.executable, "-c", ""], tmp_path, pause=16.0)
    child.start()
    assert child.process is not None
    child.process.wait()
    child.began -= children.STEADY
    child.look(lambda text: None)
    assert child.pause == children.FIRST


def test_one_that_ends_before_it_works_is_told_with_its_last_words(tmp_path: Path) -> None:
    code = "print('first'); print('the port is taken'); raise SystemExit(1)"
    child = Child("worker", [sys.executable, "-c", code], tmp_path, there=lambda: False)
    with pytest.raises(ConfigError, match="worker ended at once: the port is taken"):
        begun([child], LONG, lambda: False)
    late = Child("late", SLEEPS, tmp_path, there=lambda: False)
    with pytest.raises(ConfigError, match="late did not begin its work"):
        begun([late], 0.1, lambda: False)
    late.end()


def test_a_log_of_long_ago_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "LARGEST", 3)
    (tmp_path / "a.log").write_text("long ago")
    child = Child("a", [sys.executable, "-c", "print('now')"], tmp_path)
    child.start()
    assert child.process is not None
    child.process.wait()
    assert ((tmp_path / "a.log").read_text(), (tmp_path / "a.old.log").read_text()) == ("now\n", "long ago")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")
def test_no_process_outlives_the_one_that_keeps_it_up(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from isofed.children import Child\n"
        f"child = Child('child', {SLEEPS!r}, Path({str(tmp_path)!r})); child.start()\n"
        "print(child.process.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        number = int(parent.stdout.readline())
        try:
            until(lambda: b"leash" not in Path(f"/proc/{number}/cmdline").read_bytes())
        finally:
            parent.kill()
    until(lambda: not alive(number))


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    folder = made_site(tmp_path / "site", tmp_path / "data")
    folder.certificate.write_text("a certificate")
    return folder


def test_a_site_is_up_until_it_is_stopped(site: SiteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    class Told(Child):
        def end(self) -> None:
            ended.append(self.name)
            super().end()

    parts = tuple(Told(name, SLEEPS, site.logs) for name in ("connector", "supernode", "worker"))
    monkeypatch.setattr(up, "processes", lambda folder, settings: parts)
    monkeypatch.setattr(up, "_renewal", lambda folder: [sys.executable, "-c", ""])
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    said: list[str] = []

    def stop() -> None:
        until(lambda: said)
        with pytest.raises(ConfigError, match="it is taken"), alone(site.root / up.LOCK, "it is taken"):
            pass
        assert up.is_up(site)
        os.kill(os.getpid(), signal.SIGTERM)

    other = threading.Thread(target=stop)
    other.start()
    try:
        assert up.main(site, said.append) == 0
    finally:
        other.join()
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert said == ["cam1 is up: reid under camera, cpu", "cam1 is down"]
    assert ended == ["worker", "supernode", "connector"]
    assert not up.is_up(site)
    assert site.secret.stat().st_mode & 0o777 == 0o600 and len(site.secret.read_bytes()) == 32


def test_who_has_not_joined_does_not_come_up(site: SiteFolder) -> None:
    site.certificate.unlink()
    with pytest.raises(ConfigError, match="isofed site join"):
        up.main(site, print)


def test_no_secret_stands_in_a_command_and_flower_meets_the_connector_alone(site: SiteFolder) -> None:
    up._prepare(site)
    settings = read_settings(site.settings)
    words = [word for child in up.processes(site, settings) for word in child.command]
    assert site.secret.read_bytes().hex() not in " ".join(words)
    node = up.supernode(site, settings)
    assert "--insecure" not in node
    assert node[node.index("--superlink") + 1] == f"127.0.0.1:{settings.connector_port}"
    assert node[node.index("--host") + 1] == "127.0.0.1"
    for child in up.processes(site, settings):
        assert child.environment["FLWR_TELEMETRY_ENABLED"] == "0"
        assert child.environment["FLWR_HOME"].startswith(str(site.root))


def test_a_port_answers_or_does_not() -> None:
    import socket

    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
        assert not up.answers(port)
        door.listen()
        assert up.answers(port)
