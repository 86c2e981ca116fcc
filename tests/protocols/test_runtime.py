"""Every name of Flower's that it does not promise to keep, met on real processes, over real TLS."""

import base64
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from flwr.app import ArrayRecord, Message, RecordDict
from flwr.cli.build import build_fab_from_files
from flwr.proto.heartbeat_pb2 import SendNodeHeartbeatRequest
from flwr.proto.node_pb2 import Node
from flwr.serverapp import Grid
from flwr.supercore.superexec.run_superexec import _SUPEREXEC_AUTH_METHODS

from isofed.client.site.folder import SiteFolder
from isofed.protocols import certificates, fleet, runtime
from isofed.protocols.keys import new_key, public_pem, read_key
from isofed.protocols.runtime import (
    Door,
    bundle,
    nodes,
    register_node,
    serving,
    start_run,
    stop_run,
    unregister_node,
)
from tests.pace import LONG
from tests.server.hub.hub_case import (
    Hub,
    echoing,
    free_port,
    known,
    lines,
    made_hub,
    made_site,
    opened,
    superlink,
    until,
)

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Federation:
    """A server and two sites, all up."""

    hub: Hub
    sites: Mapping[str, SiteFolder]

    @property
    def numbers(self) -> set[int]:
        """The sites' nodes."""
        return {self.hub.register.site(name).node for name in self.sites}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    root = tmp_path_factory.mktemp("up")
    hub = made_hub(root / "hub")
    sites = {name: made_site(hub, root / name, name) for name in ("cam1", "cam2")}
    with ExitStack() as stack:
        stack.enter_context(superlink(hub))
        known(hub, *sites)
        stack.enter_context(opened(hub))
        for site in sites.values():
            stack.enter_context(echoing(hub, site))
        yield Federation(hub, sites)


def asked(grid: Grid, up: Federation, array: np.ndarray, round: int = 1) -> dict[int, RecordDict]:
    """Ask both sites, and return their replies by node."""
    contents = {node: RecordDict({"a": ArrayRecord([array])}) for node in up.numbers}
    messages = [Message(held, node, "train", group_id=str(round)) for node, held in contents.items()]
    left, found = set(grid.push_messages(messages)), {}
    end = time.monotonic() + LONG
    while left and time.monotonic() < end:
        for reply in grid.pull_messages(left):
            left.discard(reply.metadata.reply_to_message_id)
            found[reply.metadata.src_node_id] = reply.content
        time.sleep(0.02)
    assert not left
    return found


def test_a_run_from_its_start_to_its_end(up: Federation) -> None:
    """Configuration and bundle arrive, 6 MB of arrays come back, a small round takes no ten seconds."""
    run = start_run(up.hub.door, '{"seed": "3"}')
    with serving(up.hub.door, run) as grid:
        until(lambda: set(grid.get_node_ids()) == up.numbers)
        big = np.random.default_rng(0).random((1536, 1024), dtype=np.float32)
        replies = asked(grid, up, big)
        assert set(replies) == up.numbers
        for node, reply in replies.items():
            assert (reply.array_records["a"].to_numpy_ndarrays()[0] == -big).all()
            about = dict(reply.config_records["about"])
            assert about == {"cfg": '{"seed": "3"}', "bundle": bundle()[1], "node": str(node)}
        seconds = []
        for round in range(2, 6):
            began = time.monotonic()
            asked(grid, up, big[:1, :256], round)
            seconds.append(time.monotonic() - began)
        assert min(seconds) < 5  # a busy machine may be slow at one, and at another
    receipts = [lines(site.logs / "receipts.jsonl")[0] for site in up.sites.values()]
    assert all(receipt["round"] == "1" and receipt["down"] > big.nbytes for receipt in receipts)
    # what another site has sent already, the SuperLink does not ask for again
    assert sum(receipt["up"] for receipt in receipts) > big.nbytes
    assert set(nodes(up.hub.door).values()) == {"online"}
    assert lines(up.hub.folder.logs / "refusals.jsonl") == []


def test_a_run_can_be_ended_from_outside(up: Federation) -> None:
    stop_run(up.hub.door, start_run(up.hub.door, "{}"))


def test_a_node_is_registered_and_forgotten(up: Federation) -> None:
    pem = public_pem(new_key().public_key()).encode()
    number = register_node(up.hub.door, pem)
    assert nodes(up.hub.door)[number] == "registered"
    unregister_node(up.hub.door, number)
    assert number not in nodes(up.hub.door) or nodes(up.hub.door)[number] == "unregistered"


def beat(up: Federation, age: timedelta, node: str = "cam1") -> int:
    """Give a sign of life as cam1, with a signature of some age; return the status."""
    site, stamp = up.sites["cam1"], (datetime.now(UTC) - age).isoformat()
    signature = read_key(site.key).sign(stamp.encode(), ec.ECDSA(hashes.SHA256()))
    pem = up.hub.register.site("cam1").key.encode()
    headers = {
        fleet.KEY_HEADER.decode(): base64.b64encode(pem).decode(),
        fleet.TIME_HEADER.decode(): stamp,
        "flwr-signature": base64.b64encode(signature).decode(),
        "content-type": "application/protobuf",
    }
    whose = Node(node_id=up.hub.register.site(node).node)
    body = SendNodeHeartbeatRequest(node=whose, heartbeat_interval=30).SerializeToString()
    tls = certificates.client_context(site.authority, site.certificate, site.key.with_name("site.tls.key"))
    url = f"https://127.0.0.1:{up.hub.settings.gateway_port}{fleet.BEAT}"
    with httpx.Client(verify=tls) as client:
        return client.post(url, content=body, headers=headers).status_code


def test_a_signature_is_taken_for_five_minutes_and_for_its_own_node(up: Federation) -> None:
    """What is replayed later, or in the name of another node, the SuperLink refuses behind the gateway."""
    assert beat(up, timedelta(seconds=1)) == 200
    assert beat(up, timedelta(seconds=310)) == 401
    assert beat(up, timedelta(seconds=1), "cam2") == 401


def test_a_door_with_another_secret_stays_shut(up: Federation) -> None:
    wrong = Door(up.hub.door.address, b"x" * 32, up.hub.door.root)
    start = start_run(up.hub.door, "{}")
    assert next(wrong.acquire(runtime.SERVER_TASK)) is None
    assert next(up.hub.door.acquire(runtime.SERVER_TASK))
    stop_run(up.hub.door, start)
    assert next(Door(f"127.0.0.1:{free_port()}", b"").acquire(runtime.SERVER_TASK)) is None


def test_a_forged_bundle_stays_out_of_a_real_node(up: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The site's connector refuses it; its node drops the message and goes on with the next run."""
    with monkeypatch.context() as patch:
        patch.setattr(runtime, "_PROJECT", runtime._PROJECT.replace('"stub:app"', '"theirs:app"'))
        run = start_run(up.hub.door, "{}")
    log = up.sites["cam1"].logs / "refusals.jsonl"
    with serving(up.hub.door, run) as grid:
        until(lambda: set(grid.get_node_ids()) == up.numbers)
        content = RecordDict({"a": ArrayRecord([np.zeros(1)])})
        node = up.hub.register.site("cam1").node
        sent = list(grid.push_messages([Message(content, node, "train")]))
        until(lambda: [line for line in lines(log) if "bundle" in line["reason"]])
        assert list(grid.pull_messages(sent)) == []
    run = start_run(up.hub.door, "{}")
    with serving(up.hub.door, run) as grid:
        assert set(asked(grid, up, np.zeros(3))) == up.numbers


def test_the_bundle_is_the_same_every_time() -> None:
    assert bundle() == bundle() and len(bundle()[0]) < 4096


def test_the_bundle_is_what_flower_makes_of_these_files() -> None:
    files: Mapping[str, bytes | Path] = {
        "pyproject.toml": runtime._PROJECT.encode(),
        "README.md": runtime._README.encode(),
    }
    assert build_fab_from_files(files)[0] == bundle()[0]


def test_what_asks_for_a_secret_is_what_flower_says() -> None:
    assert runtime._AUTHENTICATED == _SUPEREXEC_AUTH_METHODS
