"""The gateway on real sockets, before a stand-in for the SuperLink: who gets through, and what is held."""

import asyncio
import base64
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flwr.proto.fleet_pb2 import PullMessagesResponse, PushMessagesRequest
from flwr.proto.message_pb2 import ConfirmMessageReceivedRequest, Message, Metadata, PullObjectResponse

from isofed.client.site.folder import SiteFolder
from isofed.protocols import certificates, fleet
from isofed.protocols.keys import for_tls, keep, new_key
from isofed.protocols.relay import serving
from isofed.protocols.relay.server import Exchange, Server
from isofed.protocols.relay.wire import Limits
from isofed.server.hub import gate
from isofed.server.hub.contacts import read_contacts
from tests.pace import LONG
from tests.server.hub.hub_case import Hub, lines, made_hub, made_site, opened, until

Answers = Callable[[str, bytes], tuple[int, bytes]]


@dataclass
class Behind:
    """A stand-in for the SuperLink: remembers what it was asked, answers as it is told."""

    answers: Answers = lambda path, body: (200, b"")
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    held: bool = False

    async def handle(self, exchange: Exchange) -> None:
        """Answer one request."""
        body = await exchange.read(fleet.BODY)
        self.asked.append((exchange.head.path, body))
        while self.held:
            await asyncio.sleep(0.01)
        status, content = self.answers(exchange.head.path, body)
        await exchange.answer(status, content)

    def serve(self, hub: Hub, stop: threading.Event) -> None:
        """Listen where the SuperLink would."""
        folder = hub.folder
        context = certificates.server_context(folder.certificate, folder.key)

        async def main() -> None:
            server = Server(lambda: context, self.handle, lambda *_: None, Limits(body=fleet.BODY))
            port = hub.settings.superlink_port
            task = asyncio.ensure_future(server.listen("127.0.0.1", port, lambda port: None))
            while not stop.is_set():
                await asyncio.sleep(0.02)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(main())


@dataclass(frozen=True)
class Case:
    """A gateway that serves, two sites, and what is behind it."""

    hub: Hub
    behind: Behind
    sites: dict[str, SiteFolder]

    def refusals(self) -> list[dict[str, Any]]:
        """Return the lines of the log."""
        return lines(self.hub.folder.logs / "refusals.jsonl")

    def tls(self, name: str) -> ssl.SSLContext:
        """Return a site's TLS."""
        site = self.sites[name]
        return certificates.client_context(
            site.authority, site.certificate, site.key.with_name("site.tls.key")
        )

    def key(self, name: str) -> str:
        """Return what Flower's header says of a site's key."""
        return base64.b64encode(self.hub.register.site(name).key.encode()).decode()

    def ask(
        self,
        path: str,
        body: bytes = b"",
        site: str = "cam1",
        key: str | None = None,
        tls: ssl.SSLContext | None = None,
        method: str = "POST",
    ) -> tuple[int, bytes]:
        """Ask the gateway as a site."""
        headers = {fleet.KEY_HEADER.decode(): self.key(site) if key is None else key}
        with closing(self.line(tls or self.tls(site))) as talk:
            talk.request(method, path, body, headers)
            answer = talk.getresponse()
            return answer.status, answer.read()

    def line(self, tls: ssl.SSLContext) -> http.client.HTTPSConnection:
        """Return a connection to the gateway."""
        port = self.hub.settings.gateway_port
        return http.client.HTTPSConnection("127.0.0.1", port, context=tls, timeout=LONG)

    def pulling(self) -> http.client.HTTPSConnection:
        """Return a connection over which a site has asked for a message, and the SuperLink was asked."""
        talk, before = self.line(self.tls("cam1")), len(self.behind.asked)
        talk.request("POST", fleet.PULL, b"", {fleet.KEY_HEADER.decode(): self.key("cam1")})
        until(lambda: len(self.behind.asked) > before)
        return talk


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    root = tmp_path_factory.mktemp("hub")
    hub = made_hub(root / "hub")
    sites = {
        name: made_site(hub, root / name, name, 7 + place) for place, name in enumerate(("cam1", "cam2"))
    }
    behind, stop = Behind(), threading.Event()
    thread = threading.Thread(target=behind.serve, args=(hub, stop))
    thread.start()
    with opened(hub):
        until(lambda: socket.create_connection(("127.0.0.1", hub.settings.superlink_port)).close() is None)
        yield Case(hub, behind, sites)
    stop.set()
    thread.join(LONG)


@pytest.fixture
def case(served: Case) -> Case:
    """The same gateway, nothing asked yet."""
    served.behind.asked.clear()
    served.behind.held = False
    served.behind.answers = lambda path, body: (200, b"")
    (served.hub.folder.logs / "refusals.jsonl").unlink(missing_ok=True)
    return served


def test_the_fleets_paths_get_through_and_bodies_are_whole(case: Case) -> None:
    case.behind.answers = lambda path, body: (200, body[::-1])
    for path in sorted(fleet.PATHS - {fleet.PULL, fleet.GET_OBJECT, fleet.PUSH, fleet.CONFIRM}):
        assert case.ask(path, b"abc") == (200, b"cba")
    big = bytes(range(256)) * 20_000
    assert case.ask(fleet.PUT_OBJECT, big) == (200, big[::-1])
    assert case.refusals() == []


def test_what_the_superlink_says_comes_back(case: Case) -> None:
    case.behind.answers = lambda path, body: (403, b'{"code": 9}')
    assert case.ask(fleet.PULL) == (403, b'{"code": 9}')
    assert case.ask(fleet.PUT_OBJECT, b"x") == (403, b'{"code": 9}')


def test_a_signature_that_the_superlink_does_not_believe_is_written_down(case: Case) -> None:
    case.behind.answers = lambda path, body: (401, b"why")
    for path in (fleet.BEAT, fleet.PULL, fleet.PUT_OBJECT):
        assert case.ask(path) == (401, b"why")
    assert [(line["path"], line["reason"], line["site"]) for line in case.refusals()] == [
        (path, "a signature that is too old, or not the node's", "cam1")
        for path in (fleet.BEAT, fleet.PULL, fleet.PUT_OBJECT)
    ]


def refused(case: Case, reason: str, path: str = "", site: str | None = "cam1") -> None:
    """Hold what was noted to what was expected; nothing may have got through."""
    found = until(lambda: [line for line in case.refusals() if line["path"] == path])
    # a conversation that the next look at who is admitted still finds is ended with a line of its own
    assert {line["reason"] for line in case.refusals()} == {reason}, case.refusals()
    assert set(found[0]) <= {"time", "site", "address", "path", "reason"}
    assert found[0]["path"] == path and found[0].get("site") == site and found[0]["address"] == "127.0.0.1"
    assert case.behind.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/control/start-run",
        "/v1/control/register-node",
        "/v1/runtime/acquire-task",
        "/v1/fleet/register-node",
        "/v1/fleet/unregister-node",
        "/v1/fleet/../control/start-run",
        "/v1/fleet//pull-messages",
        "/health",
        "/docs",
    ],
)
def test_other_paths_are_refused(case: Case, path: str) -> None:
    assert case.ask(path)[0] == 404
    refused(case, "a path that is not published", path)


def test_another_method_is_refused(case: Case) -> None:
    assert case.ask(fleet.PULL, method="GET")[0] == 405
    refused(case, "a method that is not published", fleet.PULL)


@pytest.mark.parametrize("whose", ["cam2", "", "none"])
def test_another_sites_key_is_refused(case: Case, whose: str) -> None:
    """A request that cam2 signed, replayed over cam1's connection, is this one."""
    status, _ = case.ask(fleet.PULL, key=case.key(whose) if whose == "cam2" else whose)
    assert status == 403
    refused(case, "a request under another key than the site's own", fleet.PULL)


def test_a_reply_in_the_name_of_another_site_is_refused(case: Case) -> None:
    def reply(*nodes: int) -> bytes:
        each = [Message(metadata=Metadata(src_node_id=node)) for node in nodes]
        return PushMessagesRequest(messages_list=each).SerializeToString()

    assert case.ask(fleet.PUSH, reply(7))[0] == 200
    case.behind.asked.clear()
    for body in (reply(8), reply(7, 8), reply(0)):
        assert case.ask(fleet.PUSH, body)[0] == 403
    assert {line["reason"] for line in case.refusals()} == {"a reply in the name of another site"}
    assert len(case.refusals()) == 3 and case.behind.asked == []


def test_an_oversized_body_is_refused(case: Case) -> None:
    head = f"POST {fleet.PUT_OBJECT} HTTP/1.1\r\nHost: x\r\nContent-Length: {fleet.BODY + 1}\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", case.hub.settings.gateway_port)) as sock,
        case.tls("cam1").wrap_socket(sock, server_hostname="127.0.0.1") as talk,
    ):
        talk.sendall(head.encode())
        assert talk.recv(100).startswith(b"HTTP/1.1 413")
    reason = f"a request of {fleet.BODY + 1} bytes, where at most {fleet.BODY} are taken"
    refused(case, reason, fleet.PUT_OBJECT)


def test_a_long_small_message_is_refused(case: Case) -> None:
    assert case.ask(fleet.PULL, bytes(fleet.SMALL + 1))[0] == 413
    refused(case, f"{fleet.SMALL + 1} bytes where at most {fleet.SMALL} are expected", fleet.PULL)


def test_garbage_is_refused(case: Case) -> None:
    assert case.ask(fleet.PUSH, b"\xff\xff\xff")[0] == 400
    refused(case, "a message that cannot be read", fleet.PUSH)


@pytest.fixture
def stranger(tmp_path: Path, case: Case) -> Callable[..., ssl.SSLContext]:
    """Return what makes the TLS of somebody who trusts the authority and has some certificate, or none."""

    def made(authority: certificates.Authority | None, **more: Any) -> ssl.SSLContext:
        if authority is None:
            return certificates.client_context(case.hub.folder.authority)
        key = new_key()
        signed = certificates.for_site(authority, key.public_key(), "cam1", **more)
        keep(tmp_path / "own.pem", signed + for_tls(key))
        return certificates.client_context(
            case.hub.folder.authority, tmp_path / "own.pem", tmp_path / "own.pem"
        )

    return made


def shut_out(case: Case, tls: ssl.SSLContext, reason: str) -> None:
    """Hold that TLS itself does not let somebody in."""
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        case.ask(fleet.PULL, tls=tls)
    refused(case, reason, site=None)


def test_a_stranger_with_the_authoritys_certificate_alone_is_shut_out(
    case: Case, stranger: Callable[..., ssl.SSLContext]
) -> None:
    shut_out(case, stranger(None), "showed no certificate")


def test_another_authoritys_site_is_shut_out(case: Case, stranger: Callable[..., ssl.SSLContext]) -> None:
    # of the same name, so that it cannot be told by that
    shut_out(
        case,
        stranger(certificates.new_authority(new_key(), "test")),
        "showed a certificate of another authority",
    )


def test_an_expired_certificate_is_shut_out(
    case: Case, stranger: Callable[..., ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "EARLY", certificates.timedelta(days=3))
    shut_out(case, stranger(case.hub.authority, days=-1), "showed a certificate that has expired")


def test_who_speaks_without_tls_is_shut_out(case: Case) -> None:
    with socket.create_connection(("127.0.0.1", case.hub.settings.gateway_port)) as talk:
        talk.sendall(b"POST /v1/fleet/pull-messages HTTP/1.1\r\nHost: x\r\n\r\n")
        assert talk.recv(100) == b""
    refused(case, "spoke without TLS", site=None)


def test_a_certificate_that_the_register_does_not_know_is_refused(
    case: Case, stranger: Callable[..., ssl.SSLContext]
) -> None:
    """The authority signed it, and the operator deleted the site."""
    status, said = case.ask(fleet.PULL, tls=stranger(case.hub.authority))
    assert (status, said) == (403, b"a certificate that the register does not know")
    refused(case, "a certificate that the register does not know", fleet.PULL, site=None)


def test_an_unread_register_lets_nobody_in_and_sends_nobody_away(case: Case) -> None:
    broken = case.hub.folder.sites / "x.json"
    broken.write_text("{")
    assert case.ask(fleet.BEAT)[0] == 503
    broken.unlink()
    assert case.ask(fleet.BEAT)[0] == 200


def message(number: str) -> bytes:
    """Return what the SuperLink answers when it has a message."""
    about = Metadata(message_id=number, group_id="3")
    return PullMessagesResponse(messages_list=[Message(metadata=about)]).SerializeToString()


def test_a_pull_is_held_until_there_is_a_message_and_given_again_until_it_is_confirmed(case: Case) -> None:
    """The SuperLink gives a message once; a site that lost its answer on the way asks again."""
    said = iter([b"", b"", b"", message("m1")])
    case.behind.answers = lambda path, body: (200, next(said, b"") if path == fleet.PULL else b"")
    assert case.ask(fleet.PULL) == (200, message("m1"))
    assert len(case.behind.asked) == 4
    assert case.ask(fleet.PULL) == (200, message("m1"))  # the first answer was lost, say
    assert len(case.behind.asked) == 4
    case.ask(fleet.CONFIRM, ConfirmMessageReceivedRequest(message_object_id="m1").SerializeToString())
    with closing(case.pulling()) as talk:
        silent(talk)


def silent(talk: http.client.HTTPSConnection) -> None:
    """Hold that nothing is answered, for a while."""
    talk.sock.settimeout(0.5)
    with pytest.raises(TimeoutError):
        talk.sock.recv(1)


def test_a_message_that_an_abandoned_pull_brings_goes_to_the_next_one(case: Case) -> None:
    """The site hangs up while the SuperLink is answering: its answer is the only one there will ever be."""
    number = iter(("m1", "m2"))

    def answers(path: str, body: bytes) -> tuple[int, bytes]:
        return 200, message(next(number, "")) if path == fleet.PULL else b""

    case.behind.held, case.behind.answers = True, answers
    case.pulling().close()
    time.sleep(0.2)  # the gateway hears that it was hung up on
    case.behind.held, got = False, []
    for _ in range(2):
        got.append(fleet.pulled(case.ask(fleet.PULL)[1]))
        confirmed = ConfirmMessageReceivedRequest(message_object_id=got[-1])
        case.ask(fleet.CONFIRM, confirmed.SerializeToString())
    assert got == ["m1", "m2"]


def test_a_message_that_is_never_confirmed_is_given_three_times(case: Case) -> None:
    number = iter(("m1", "m2"))
    case.behind.answers = lambda path, body: (200, message(next(number)) if path == fleet.PULL else b"")
    got = [case.ask(fleet.PULL)[1] for _ in range(4)]
    assert got == [message("m1")] * 3 + [message("m2")]
    case.ask(fleet.CONFIRM, ConfirmMessageReceivedRequest(message_object_id="m2").SerializeToString())


def test_a_hold_ends_with_what_the_superlink_says_last(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "HOLD", 0.3)
    began = time.monotonic()
    assert case.ask(fleet.PULL) == (200, b"")
    assert time.monotonic() - began > 0.25


def test_an_object_is_held_until_it_is_there(case: Case) -> None:
    there = PullObjectResponse(object_found=True, object_available=True, object_content=bytes(1000))
    coming = PullObjectResponse(object_found=True)
    said = iter([coming, coming, coming, there])
    case.behind.answers = lambda path, body: (200, next(said).SerializeToString())
    assert case.ask(fleet.GET_OBJECT) == (200, there.SerializeToString())
    assert len(case.behind.asked) == 4
    case.behind.answers = lambda path, body: (200, b"")  # not known: said at once
    assert case.ask(fleet.GET_OBJECT) == (200, b"")


def test_a_newer_pull_takes_the_olders_place(case: Case) -> None:
    """Else a message could go to a connection that died without anybody hearing of it."""
    found: list[tuple[int, bytes]] = []
    older = threading.Thread(target=lambda: found.append(case.ask(fleet.PULL)))
    older.start()
    until(lambda: case.behind.asked)
    with closing(case.pulling()) as newer:
        older.join(LONG)
        silent(newer)
    assert found == [(503, b"a newer request took this one's place")]


def test_a_sign_of_life_is_written_down(case: Case) -> None:
    said = {
        **{"incarnation": "ab", "round": 4, "busy": True, "level": "camera", "free": 5, "run": "r" * 500},
        **{"process": 3, "path": "/home/alice"},
    }
    before = time.time()
    status, content = case.ask(fleet.ALIVE, json.dumps(said).encode())
    assert status == 200 and before - 1 < json.loads(content)["time"] < time.time() + 1

    def there() -> dict[str, Any]:
        found = read_contacts(case.hub.folder.contacts).get("cam1", {})
        return found if found.get("round") == 4 else {}

    found = until(there)
    assert found["heard"] >= before and found["free"] == 5 and found["run"] == "r" * 100
    assert "path" not in found and "process" not in found
    first = found["incarnation"]
    case.ask(fleet.ACTIVATE)
    assert first.endswith("/ab")
    until(lambda: read_contacts(case.hub.folder.contacts)["cam1"]["incarnation"] not in ("", first))


def test_an_empty_sign_of_life_is_none_and_says_how_the_site_is_known(case: Case) -> None:
    case.ask(fleet.ALIVE, b'{"round": 9}')
    until(lambda: read_contacts(case.hub.folder.contacts).get("cam1", {}).get("round") == 9)
    before = case.hub.folder.contacts.read_bytes()
    status, content = case.ask(fleet.ALIVE, site="cam2")
    assert status == 200 and json.loads(content)["node"] == case.hub.register.site("cam2").node == 8
    time.sleep(1.0)  # longer than between two writings
    assert case.hub.folder.contacts.read_bytes() == before


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff"])
def test_a_sign_of_life_that_cannot_be_read_is_refused(case: Case, body: bytes) -> None:
    assert case.ask(fleet.ALIVE, body)[0] == 400
    refused(case, "a sign of life that cannot be read", fleet.ALIVE)


def test_a_superlink_that_is_away_is_tried_again_later(tmp_path: Path) -> None:
    hub = made_hub(tmp_path / "hub")
    case = Case(hub, Behind(), {"cam1": made_site(hub, tmp_path / "cam1", "cam1")})
    with opened(hub):
        assert case.ask(fleet.BEAT) == (503, b"the other side does not answer")
        assert case.ask(fleet.ALIVE, b"{}")[0] == 200


def test_a_revoked_site_is_out_within_a_second_in_the_middle_of_a_request(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "HOLD", 10 * LONG)
    case.behind.held = True  # else the gateway might ask again, and refuse that
    found: list[object] = []

    def hold() -> None:
        try:
            found.append(case.ask(fleet.PULL, site="cam2"))
        except (OSError, http.client.HTTPException) as error:
            found.append(error)

    thread = threading.Thread(target=hold)
    thread.start()
    until(lambda: case.behind.asked)
    case.hub.register.revoke("cam2")
    thread.join()
    case.behind.held = False
    # it was hung up on at the next look, and there are several in a second
    assert isinstance(found[0], Exception) and not isinstance(found[0], TimeoutError)
    assert serving.TICK < 0.5
    assert case.ask(fleet.PULL, site="cam2") == (403, b"'cam2' is revoked")
    reasons = [(line["site"], line["reason"]) for line in case.refusals()]
    assert reasons and set(reasons) == {("cam2", "'cam2' is revoked")}
