"""A site by its own commands, from nothing to an answer, behind a real gateway: SuperLink, TLS, enrolment."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

from isofed.__main__ import main as isofed
from isofed.client.site.folder import SiteFolder
from isofed.client.site.manifest import manifest
from isofed.client.site.settings import read_settings
from isofed.client.site.state import read_state
from isofed.protocols.runtime import serving, start_run
from isofed.server.hub import authority, enrolment, gateway
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.nodes import register_missing
from isofed.server.hub.settings import HubSettings
from isofed.simulations.federation import Federation, first_orders
from isofed.simulations.grid import handle
from tests.client.site.site_case import CFG, cfg, until, whole_tree
from tests.pace import LONG
from tests.server.hub.hub_case import Hub, free_port, served, superlink


def ask(grid: Grid, message: Message, kind: str = "train") -> Message:
    """Send a message to the only node and return its reply."""
    until(lambda: list(grid.get_node_ids()))
    (node,) = grid.get_node_ids()
    ids = list(grid.push_messages([Message(message.content, node, kind)]))
    found: list[Message] = []
    until(lambda: found or found.extend(grid.pull_messages(ids)))
    return found[0]


def arrays(reply: Message) -> dict[str, Any]:
    """Return a reply's arrays by name, and its numbers."""
    held = {
        f"{name}/{key}": array.numpy().tobytes()
        for name, record in reply.content.array_records.items()
        for key, array in record.items()
    }
    return held | {name: dict(record) for name, record in reply.content.metric_records.items()}


@contextmanager
def hub(root: Path) -> Iterator[Hub]:
    """Run a server: SuperLink as a process, enrolment and gateway in threads."""
    folder, ports = HubFolder(root), [free_port() for _ in range(3)]
    settings = HubSettings("127.0.0.1", "test", "127.0.0.1", *ports)
    authority.init(folder, settings)
    made = Hub(folder, settings, authority.authority(folder))
    with superlink(made), served(gateway.serve, folder), served(enrolment.serve, folder):
        yield made


def joined(hub: Hub, root: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> SiteFolder:
    """Make a site, apply with a token, be approved, fetch the certificate: each by its command."""
    site, ports = SiteFolder(root), (str(free_port()), str(free_port()))
    words = ["--name", "cam1", "--task", "reid", "--layout", "sysu", "--root", str(data)]
    words += ["--connector-port", ports[0], "--supernode-port", ports[1]]
    assert isofed(["site", "init", str(root), *words]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(authority.invite(hub.folder, "cam1") + "\n"))
    assert isofed(["site", "join", str(root)]) == 1
    assert hub.register.site("cam1").manifest == manifest(read_settings(site.settings))
    hub.register.approve("cam1", authority.issuer(hub.folder))
    assert register_missing(hub.folder)
    assert isofed(["site", "join", str(root)]) == 0
    return site


@contextmanager
def kept_up(site: SiteFolder) -> Iterator[subprocess.Popen[str]]:
    """Run ``isofed site up`` until the block ends, and see that it ends well."""
    command = [sys.executable, "-m", "isofed", "site", "up", str(site.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            told = process.stdout.readline()
            assert "cam1 is up" in told, told + process.stdout.read()
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(LONG)
        said = process.stdout.read()
        assert code == 0 and said.splitlines()[-1] == "cam1 is down", said


@pytest.mark.slow
def test_a_site_joins_comes_up_answers_and_survives_its_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = tmp_path / "parts"
    isofed(["data", "split", "sysu", str(whole_tree(tmp_path / "whole")), str(parts)])
    own = parts / "cam1"
    local = Federation("federated", CFG, ("cam1",), own, tmp_path / "homes", tmp_path / "local")
    ((node, order),) = first_orders(local, local.workshop())
    expected, _ = handle(cfg(), node, RecordDict(), order)
    with hub(tmp_path / "hub") as server:
        site = joined(server, tmp_path / "site", own, monkeypatch)
        capsys.readouterr()
        assert isofed(["site", "doctor", str(site.root)]) == 0
        told = capsys.readouterr().out
        assert "takes the certificate" in told and ", approved" in told and "ok    clock: " in told
        with kept_up(site), serving(server.door, start_run(server.door, cfg())) as grid:
            first = ask(grid, order)
            before = read_state(site)
            assert before is not None
            os.kill(before.process, signal.SIGKILL)
            until(lambda: (now := read_state(site)) and now.incarnation != before.incarnation)
            again, refused = ask(grid, order), ask(grid, order, "query")
    assert first.has_content(), first
    assert arrays(first) == arrays(expected) == arrays(again)
    assert [path.name for path in site.memories.iterdir()] == ["tiny"]
    answers = [json.loads(line) for line in (site.logs / "answers.jsonl").read_text().split("\n") if line]
    assert [answer["attempt"] for answer in answers] == [1, 1]
    assert "asks for message 'query'" in refused.error.reason
    lines = [json.loads(line) for line in (site.logs / "refusals.jsonl").read_text().split("\n") if line]
    # beside it stands that the gateway let go of what the SuperNode before had asked
    assert [line["reason"] for line in lines if "kind" in line] == [refused.error.reason]
