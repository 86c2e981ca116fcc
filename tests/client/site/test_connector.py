"""The connector on real sockets, between what asks as a SuperNode does and a stand-in for the gateway."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from flwr.proto.fab_pb2 import Fab, GetFabResponse
from flwr.proto.fleet_pb2 import DeactivateNodeRequest, PullMessagesResponse
from flwr.proto.message_pb2 import Message, Metadata

from isofed.client.site import connector, line
from isofed.client.site.folder import SiteFolder
from isofed.client.site.policy import read_policy, write_policy
from isofed.client.site.state import State, write_state
from isofed.protocols import certificates, fleet
from isofed.protocols.keys import keep, read_key
from isofed.protocols.relay.server import Exchange, Server
from isofed.protocols.relay.wire import Limits, Refused
from isofed.protocols.runtime import bundle
from tests.pace import LONG, at_some_pace
from tests.server.hub.hub_case import Hub, connected, lines, made_hub, made_site, until

Reply = tuple[int, bytes] | Refused


@dataclass
class Beyond:
    """A stand-in for the gateway: remembers what it was asked and by which certificate."""

    answers: Callable[[str, bytes], Reply] = lambda path, body: (200, b"")
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    serials: set[str] = field(default_factory=set)

    async def handle(self, exchange: Exchange) -> None:
        """Answer one request."""
        body = await exchange.read(fleet.BODY)
        self.asked.append((exchange.head.path, body))
        self.serials.add(certificates.serial(exchange.peer.certificate))
        reply = self.answers(exchange.head.path, body)
        if isinstance(reply, Refused):
            raise reply
        await exchange.answer(*reply)

    def of(self, path: str) -> list[bytes]:
        """Return the bodies that came for a path."""
        return [body for asked, body in self.asked if asked == path]

    @contextmanager
    def serving(self, hub: Hub) -> Iterator[None]:
        """Listen where the gateway would."""
        folder, stop, ready = hub.folder, threading.Event(), threading.Event()
        context = certificates.server_context(folder.certificate, folder.key, folder.authority)

        async def main() -> None:
            server = Server(lambda: context, self.handle, lambda *_: None, Limits(body=fleet.BODY))
            port = hub.settings.gateway_port
            task = asyncio.ensure_future(server.listen("127.0.0.1", port, lambda _: ready.set()))
            while not stop.is_set():
                await asyncio.sleep(0.02)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        thread = threading.Thread(target=lambda: asyncio.run(main()))
        thread.start()
        try:
            assert ready.wait(LONG)
            yield
        finally:
            stop.set()
            thread.join(LONG)


@dataclass(frozen=True)
class Case:
    """A connector that serves, and what is around it."""

    hub: Hub
    site: SiteFolder
    beyond: Beyond
    port: int

    def ask(self, path: str, body: bytes = b"", timeout: float = LONG) -> httpx.Response:
        """Ask as a SuperNode does."""
        context = certificates.client_context(self.site.local / "ca.pem")
        url = f"https://127.0.0.1:{self.port}{path}"
        with httpx.Client(verify=context, timeout=timeout) as client:
            return client.post(url, content=body)

    def log(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of a log of the site."""
        return lines(self.site.logs / f"{name}.jsonl")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Hub, Path]:
    root = tmp_path_factory.mktemp("line")
    hub = made_hub(root / "hub")
    made_site(hub, root / "cam1", "cam1")
    return hub, root / "cam1"


@pytest.fixture
def case(made: tuple[Hub, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    hub, beyond = made[0], Beyond()
    site = SiteFolder(Path(shutil.copytree(made[1], tmp_path / "cam1")))
    hurry(monkeypatch)
    with beyond.serving(hub), connected(site, bundle=bundle()[1]) as port:
        yield Case(hub, site, beyond, port)


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let signs of life follow each other soon, with all the time that a busy machine needs for each."""
    monkeypatch.setattr(line, "EVERY", LONG)
    pausing = SimpleNamespace(sleep=lambda seconds: asyncio.sleep(min(seconds, 0.2)))
    monkeypatch.setattr(line, "asyncio", pausing)


def message(number: str) -> bytes:
    """Return an answer that brings a message."""
    about = Metadata(message_id=number, group_id="5")
    return PullMessagesResponse(messages_list=[Message(metadata=about)]).SerializeToString()


def test_requests_get_through_and_what_travelled_is_written_down(case: Case) -> None:
    number = iter(("m1", "m2"))
    big = bytes(range(256)) * 20_000

    def answers(path: str, body: bytes) -> Reply:
        return 200, message(next(number)) if path == fleet.PULL else body[::-1]

    case.beyond.answers = answers
    assert case.ask(fleet.PULL).content == message("m1")
    assert case.ask(fleet.PUT_OBJECT, big).content == big[::-1]
    assert case.ask(fleet.GET_OBJECT, b"ab").content == b"ba"
    assert case.log("receipts") == []
    assert case.ask(fleet.PULL, b"n").content == message("m2")
    (receipt,) = case.log("receipts")
    assert receipt["round"] == "5" and receipt["message"] == "m1"
    assert receipt["up"] == len(big) + 3 and receipt["down"] == len(message("m1")) + len(big) + 2


@pytest.mark.parametrize(
    "path", [fleet.ALIVE, "/v1/control/start-run", "/v1/fleet/register-node", "/v1/runtime/acquire-task"]
)
def test_other_paths_go_nowhere(case: Case, path: str) -> None:
    case.beyond.asked.clear()
    assert case.ask(path, b"mine").status_code == 404
    assert b"mine" not in case.beyond.of(path)


def test_the_pinned_bundle_passes(case: Case) -> None:
    answer = GetFabResponse(fab=Fab(hash_str="x", content=bundle()[0])).SerializeToString()
    case.beyond.answers = lambda path, body: (200, answer)
    assert case.ask(fleet.BUNDLE).content == answer


@pytest.mark.parametrize("kind", ["changed", "empty", "garbage"])
def test_a_forged_bundle_does_not(case: Case, kind: str) -> None:
    """403 makes a SuperNode drop the message and go on."""
    forged = {
        "changed": GetFabResponse(fab=Fab(hash_str=bundle()[1], content=bundle()[0] + b"\0")),
        "empty": GetFabResponse(),
    }
    content = forged[kind].SerializeToString() if kind in forged else b"\xff\xff"
    case.beyond.answers = lambda path, body: (200, content)
    answer = case.ask(fleet.BUNDLE)
    assert answer.status_code == (403 if kind in forged else 400)
    if kind in forged:
        assert answer.text == "a bundle that is not the pinned one"
        assert [entry["reason"] for entry in case.log("refusals")] == [answer.text]


def test_without_a_word_the_pinned_bundle_is_this_installations() -> None:
    assert connector.pinned() == bundle()[1]


def test_more_than_the_policy_allows_does_not_leave(case: Case) -> None:
    write_policy(case.site.policy, replace(read_policy(case.site.policy), bytes_a_round=1000))
    case.beyond.answers = lambda path, body: (200, message("m1") if path == fleet.PULL else b"")
    case.ask(fleet.PULL)
    most = line.SLACK + 1020
    assert case.ask(fleet.PUT_OBJECT, bytes(most)).status_code == 200
    refused = case.ask(fleet.PUT_OBJECT, b"one more")
    assert refused.status_code == 403 and "bytes_a_round" in refused.text
    assert [entry["reason"] for entry in case.log("refusals")] == [refused.text]
    assert b"one more" not in case.beyond.of(fleet.PUT_OBJECT)
    case.ask(fleet.PULL)  # another message, another account
    assert case.ask(fleet.PUT_OBJECT, b"one more").status_code == 200


def test_a_refusal_of_the_gateway_is_try_again_later(case: Case) -> None:
    """401 ends a SuperNode, 403 makes it drop its reply: neither may come of a certificate that lapsed."""
    case.beyond.answers = lambda path, body: Refused(403, "'cam1' is revoked")
    for path in (fleet.BEAT, fleet.PUT_OBJECT, fleet.PUSH, fleet.BUNDLE):
        assert case.ask(path, b"x").status_code == 503
    reasons = [entry["reason"] for entry in case.log("refusals")]
    assert reasons == ["the gateway refuses: 'cam1' is revoked"]  # said once, not four times
    until(lambda: case.log("connector")[-1] == {**case.log("connector")[-1], "event": "lost"})


def test_what_the_superlink_refuses_is_passed_on(case: Case) -> None:
    case.beyond.answers = lambda path, body: (403, b'{"code": 9}')
    for path in (fleet.PULL, fleet.PUSH, fleet.PUT_OBJECT, fleet.BUNDLE):
        answer = case.ask(path)
        assert (answer.status_code, answer.content) == (403, b'{"code": 9}')


def online(case: Case, node: int | None = 7) -> Callable[[str, bytes], Reply]:
    """Return the answers of a gateway behind which the SuperNode that died counts as online."""

    def answers(path: str, body: bytes) -> Reply:
        if path == fleet.ALIVE:
            return 200, json.dumps({"time": 1.0} | ({"node": node} if node else {})).encode()
        gone = bool(case.beyond.of(fleet.DEACTIVATE))
        return (200, b"there") if path != fleet.ACTIVATE or gone else (412, b"online")

    return answers


def test_a_supernode_that_died_is_signed_off_by_the_one_that_comes_after(case: Case) -> None:
    case.beyond.answers = online(case)
    answer = case.ask(fleet.ACTIVATE, b"key")
    assert (answer.status_code, answer.content) == (200, b"there")
    assert case.beyond.of(fleet.ACTIVATE) == [b"key", b"key"]
    (said,) = case.beyond.of(fleet.DEACTIVATE)
    assert DeactivateNodeRequest.FromString(said).node_id == 7
    assert [line["event"] for line in case.log("connector") if line["event"] != "reached"] == ["signed off"]


def test_a_supernode_that_is_refused_for_another_reason_is_told(case: Case) -> None:
    case.beyond.answers = lambda path, body: (200, b'{"node": 7}') if path == fleet.ALIVE else (412, b"why")
    answer = case.ask(fleet.ACTIVATE)
    assert (answer.status_code, answer.content) == (412, b"why")
    case.beyond.asked.clear()
    case.beyond.answers = online(case, None)  # a gateway of before
    assert case.ask(fleet.ACTIVATE).status_code == 412


def test_a_pull_lasts_as_long_as_it_takes(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than the gateway holds it, and longer than a SuperNode waits without a word."""

    def trial(pace: int) -> None:
        monkeypatch.setattr(line, "REASSURE", 0.1 * pace)
        case.beyond.asked.clear()
        due = time.monotonic() + 1.0 * pace
        case.beyond.answers = lambda path, body: (200, message("m1") if time.monotonic() > due else b"")
        assert case.ask(fleet.PULL, timeout=0.5 * pace).content == message("m1")
        assert len(case.beyond.of(fleet.PULL)) > 1

    at_some_pace(trial)


def test_a_pull_ends_before_its_signature_is_too_old(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "LONGEST", 0.2)
    answer = case.ask(fleet.PULL)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", [fleet.PULL, fleet.CONFIRM])
def test_what_is_asked_while_the_gateway_is_away_waits_for_it(
    made: tuple[Hub, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(line, "PATIENCE", LONG)
    site = SiteFolder(Path(shutil.copytree(made[1], tmp_path / "cam1")))
    beyond, found = Beyond(lambda path, body: (200, message("m1"))), []
    with connected(site, bundle="x") as port:
        case = Case(made[0], site, beyond, port)
        thread = threading.Thread(target=lambda: found.append(case.ask(path)))
        thread.start()
        assert case.ask(fleet.BEAT).status_code == 503  # at once: a SuperNode waits five seconds for it
        assert not found
        with beyond.serving(made[0]):
            thread.join(LONG)
    assert found[0].content == message("m1")
    assert case.log("connector")[0]["event"] == "lost"


def test_signs_of_life_say_what_the_worker_is_at(case: Case) -> None:
    write_state(case.site, replace(State(), incarnation="w1").at("tiny", 4))

    def said() -> dict[str, Any]:
        bodies = [httpx.Response(200, content=body).json() for body in case.beyond.of(fleet.ALIVE)]
        return bodies[-1] if bodies and bodies[-1].get("round") == 4 else {}

    found = until(said)
    assert found.pop("free") > 0
    assert found == {"incarnation": "w1", "run": "tiny", "round": 4, "busy": True, "level": "camera"}
    assert [entry["event"] for entry in case.log("connector")] == ["reached"]


def test_a_renewed_certificate_is_shown_without_a_restart(case: Case) -> None:
    case.ask(fleet.BEAT)
    (before,) = case.beyond.serials
    key = read_key(case.site.key)
    keep(case.site.certificate, certificates.for_site(case.hub.authority, key.public_key(), "cam1"))
    after = certificates.serial(case.site.certificate.read_bytes())
    until(lambda: after in case.beyond.serials)
    case.beyond.serials.clear()
    case.ask(fleet.BEAT)
    time.sleep(0.5)
    assert case.beyond.serials == {after} != {before}


def test_a_server_of_another_authority_is_told_nothing(made: tuple[Hub, Path], tmp_path: Path) -> None:
    other = made_hub(tmp_path / "other")
    imposter = Hub(other.folder, made[0].settings, other.authority)
    site = SiteFolder(Path(shutil.copytree(made[1], tmp_path / "cam1")))
    beyond = Beyond()
    with beyond.serving(imposter), connected(site, bundle="x") as port:
        case = Case(made[0], site, beyond, port)
        assert case.ask(fleet.BEAT, b"secret").status_code == 503
        until(lambda: case.log("connector"))
    assert beyond.asked == []
    assert "another authority" in case.log("connector")[0]["why"]


def test_neither_flower_nor_torch_is_loaded() -> None:
    """Idle memory: about 45 MB each; with Flower it would be twice as much."""
    code = (
        "import sys\nimport isofed.client.site.connector, isofed.server.hub.gateway\n"
        "assert not {'flwr', 'torch', 'grpc'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_as_a_process_it_ends_when_told_to(made: tuple[Hub, Path], tmp_path: Path) -> None:
    site = SiteFolder(Path(shutil.copytree(made[1], tmp_path / "cam1")))
    command = [sys.executable, "-m", "isofed.client.site.connector", str(site.root)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as running:
        until(lambda: lines(site.logs / "connector.jsonl"))
        running.send_signal(signal.SIGTERM)
        assert running.communicate(timeout=LONG) == (None, b"")
    assert running.returncode == 0
