"""One real round: SuperLink, SuperNode and the site's worker as processes, against the local engine."""

import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

from isofed.client.site.diary import ANSWERS, REFUSALS
from isofed.client.site.worker import memory_of
from isofed.protocols.runtime import Door, serving, start_run
from isofed.simulations.federation import Federation, first_orders
from isofed.simulations.grid import handle
from tests.client.site.site_case import (
    CFG,
    camera_tree,
    cfg,
    made_site,
    started,
    superlink,
    supernode,
    until,
    whole_tree,
)


def free_port() -> int:
    """Return a port on which nobody listens now."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


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


@pytest.mark.slow
def test_a_real_round_gives_the_bits_of_the_local_engine(tmp_path: Path) -> None:
    own = camera_tree(whole_tree(tmp_path / "whole"), tmp_path / "own")
    local = Federation("federated", CFG, ("cam1",), own, tmp_path / "homes", tmp_path / "local")
    ((node, order),) = first_orders(local, local.workshop())
    expected, _ = handle(cfg(), node, RecordDict(), order)
    site, (link, port) = made_site(tmp_path / "site", own), (free_port(), free_port())
    worker = [sys.executable, "-m", "isofed.client.site.worker", str(site.root), str(port)]
    with (
        superlink(tmp_path, link, site.secret),
        supernode(tmp_path, link, port, site.secret),
        started(tmp_path / "worker.log", *worker),
    ):
        door = Door(f"127.0.0.1:{link}", site.secret.read_bytes())
        with serving(door, start_run(door, cfg())) as grid:
            first, again = ask(grid, order), ask(grid, order)
            refused = ask(grid, order, "query")
    assert first.has_content(), first
    assert arrays(first) == arrays(expected) == arrays(again)
    assert (memory_of(site, "tiny") / "1.1.state").exists()
    lines = [json.loads(line) for line in (site.logs / ANSWERS).read_text().split("\n") if line]
    assert [(line["run"], line["round"], line["kind"]) for line in lines] == [("tiny", 1, "train")] * 2
    assert lines[1]["seconds"] < lines[0]["seconds"]
    assert "asks for message 'query'" in refused.error.reason
    assert json.loads((site.logs / REFUSALS).read_text())["reason"] == refused.error.reason
