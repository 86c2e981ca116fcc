"""What must not get through to a server or a site: each try returns what was sent and how it was refused."""

import ssl
import threading
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from flwr.proto.fleet_pb2 import PullMessagesRequest
from flwr.proto.heartbeat_pb2 import SendNodeHeartbeatRequest
from flwr.proto.node_pb2 import Node

from isofed.errors import IsofedError
from isofed.protocols import certificates, fleet, runtime
from isofed.protocols.invitation import parse
from isofed.protocols.keys import new_key
from isofed.server.hub import authority
from tests.client.site.site_case import cfg
from tests.hub.deployment import SERVER, until
from tests.hub.intruder import Intruder, lines

UP, OUT, NEW = "cam1", "cam2", "cam3"  # a site that is up, one that is to be put out, one that is to join
Tried = tuple[str, str]
Attack = Callable[[Intruder], Tried]
FORGED = ('"stub:app"', '"theirs:app"')
AT_ONCE = 10.0  # seconds, usually a third of one; it would have been held for twenty


def shut_out(answer: str) -> str:
    """Return an answer that is a refusal.

    Raises:
        AssertionError: it is none.
    """
    assert answer == "hung up" or answer.startswith("4"), f"it got through: {answer}"
    return answer


def refusal(work: Callable[[], Any]) -> str:
    """Return the sentence with which something is refused.

    Raises:
        AssertionError: it was not.
    """
    try:
        done = work()
    except IsofedError as error:
        return str(error)
    raise AssertionError(f"it got through: {done}")


def no_tls(us: Intruder) -> Tried:
    """Speak HTTP in the clear."""
    with us.line(None) as talk:
        talk.sendall(f"POST {fleet.PULL} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
        assert talk.recv(100) == b"", "it got through"
    return "a request without TLS", "hung up"


def old_tls(us: Intruder) -> Tried:
    """Speak TLS 1.2 with a site's own certificate."""
    tls = us.as_site(UP)
    tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_2
    return "TLS 1.2 with the site's own certificate", shut_out(us.post(tls, fleet.ALIVE))


def no_certificate(us: Intruder) -> Tried:
    """Come with what everybody may have: the authority's certificate."""
    tls = certificates.client_context(us.hub.authority)
    return "the authority's certificate and none of one's own", shut_out(us.post(tls, fleet.ALIVE))


def unknown_key(us: Intruder) -> Tried:
    """Come to the enrolment with the authority's certificate and a key that nobody knows."""
    said = refusal(lambda: us.enrolment.collect(UP, new_key()))
    return f"to the enrolment, a question in {UP}'s name under a key of one's own", said


def other_authority(us: Intruder) -> Tried:
    """Show a certificate of an authority of the same name."""
    key, own = us.key(UP), certificates.new_authority(new_key(), certificates.common_name(us.authority.pem))
    tls = us.showing(certificates.for_site(own, key.public_key(), UP), key)
    return f"a certificate for {UP} by another authority of the same name", shut_out(
        us.post(tls, fleet.ALIVE)
    )


def expired(us: Intruder) -> Tried:
    """Show the site's own key under a certificate that has run out."""
    key = us.key(UP)
    tls = us.showing(certificates.for_site(us.authority, key.public_key(), UP, days=-1e-4), key)
    return f"a certificate of {UP} that ran out nine seconds ago", shut_out(us.post(tls, fleet.ALIVE))


def unregistered(us: Intruder) -> Tried:
    """Show a certificate that the authority signed and the register does not know."""
    key = us.key(UP)
    tls = us.showing(certificates.for_site(us.authority, key.public_key(), UP), key)
    return "a certificate signed by the authority behind the register's back", shut_out(
        us.post(tls, fleet.ALIVE)
    )


def token_twice(us: Intruder) -> Tried:
    """Apply with a token that another key has used."""
    token = parse(authority.invite(us.hub, NEW))

    def apply() -> str:
        csr = certificates.request(new_key(), NEW)
        return us.enrolment.apply(NEW, token.secret, csr, b"{}").state

    assert apply() == "pending"
    return "a token that was used, under another key", refusal(apply)


def other_key(us: Intruder) -> Tried:
    """Send over one site's line what another has signed."""
    answer = us.post(us.as_site(UP), fleet.BEAT, _beat(us, OUT), us.signed(OUT))
    return f"a request of {OUT}'s, over {UP}'s line", shut_out(answer)


def old_request(us: Intruder) -> Tried:
    """Replay a site's own request after Flower's five minutes."""
    tls, body = us.as_site(UP), _beat(us, UP)
    answer = us.post(tls, fleet.BEAT, body, us.signed(UP))
    assert answer.startswith("200"), f"the request itself is refused: {answer}"
    return f"a request of {UP}'s, 310 s later", shut_out(us.post(tls, fleet.BEAT, body, us.signed(UP, 310.0)))


def old_challenge(us: Intruder) -> Tried:
    """Replay what a site said to the enrolment."""
    say = us.collecting(UP)
    assert say() == "approved"
    return f"to the enrolment, {UP}'s signed question again", refusal(say)


def oversized(us: Intruder) -> Tried:
    """Announce more than the gateway takes."""
    length = fleet.BODY + 1
    with us.line(us.as_site(UP)) as talk:
        head = f"POST {fleet.PUT_OBJECT} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        talk.sendall(head.encode())
        said = talk.recv(100).decode().split("\r\n")[0].removeprefix("HTTP/1.1 ")
    return f"{length} bytes, of which none was read", shut_out(said)


def long_manifest(us: Intruder) -> Tried:
    """Say too much of oneself."""
    csr = certificates.request(us.key(OUT), OUT)
    said = refusal(lambda: us.enrolment.apply(OUT, "secret", csr, b" " * 20_000))
    return "to the enrolment, a manifest of 20,000 bytes", said


def unpublished(us: Intruder) -> Tried:
    """Ask for what is the operator's."""
    answer = us.post(us.as_site(UP), "/v1/control/start-run", b"", us.signed(UP))
    return f"{UP}'s wish that the SuperLink start a run", shut_out(answer)


def forged_bundle(us: Intruder) -> Tried:
    """Start a run whose bundle names code, and send the site a message of it."""
    forged, log = runtime._PROJECT.replace(*FORGED), us.site(UP).logs / "refusals.jsonl"
    assert forged != runtime._PROJECT
    with patch.object(runtime, "_PROJECT", forged), us.run() as grid:
        before, number = len(lines(log)), us.order(grid, UP, "train")
        until(lambda: len(lines(log)) > before, 30)
        assert list(grid.pull_messages([number])) == [], "it got through"
    return "a run whose bundle names code", "the site drops the message"


def beyond(told: str, kind: str = "train", **change: object) -> Attack:
    """Return what asks a site for something that its policy does not allow.

    Args:
        told: what that is.
        kind: of the message.
        change: of a run that it does allow.
    """

    def attack(us: Intruder) -> Tried:
        with us.run(cfg(**{"strategy": {"name": "fedavg"}, **change})) as grid:
            return f"by the server: {told}", us.answer(grid, us.order(grid, UP, kind))

    return attack


def revoked(us: Intruder) -> Tried:
    """Revoke a site while a request of its is held."""
    ended, node = list[tuple[str, float]](), us.known(OUT).node
    body = PullMessagesRequest(node=Node(node_id=node)).SerializeToString()

    def hold() -> None:
        ended.append((us.post(us.as_site(OUT), fleet.PULL, body, us.signed(OUT)), time.time()))

    thread = threading.Thread(target=hold)
    thread.start()
    us.made.isofed(SERVER, "server", "revoke", str(us.hub.root), OUT)
    thread.join(120)
    (answer, when), since = ended[0], us.known(OUT).revoked_at
    assert 0 < when - since < AT_ONCE, f"{answer} {when - since:.1f} s after it was revoked"
    again = shut_out(us.post(us.as_site(OUT), fleet.ALIVE))
    return (
        f"a request that is held when {OUT} is revoked",
        f"{shut_out(answer)} {when - since:.1f} s later, then {again}",
    )


def renewing(us: Intruder) -> Tried:
    """Ask for a new certificate after that."""
    csr = certificates.request(us.key(OUT), OUT)
    return f"to the enrolment, {OUT}'s wish for a new certificate", refusal(
        lambda: us.enrolment.renew(OUT, us.key(OUT), csr)
    )


def _beat(us: Intruder, name: str) -> bytes:
    node = Node(node_id=us.known(name).node)
    return SendNodeHeartbeatRequest(node=node, heartbeat_interval=30).SerializeToString()
