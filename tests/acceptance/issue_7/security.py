#!/usr/bin/env python3
"""What must not get through, tried on a running server and site: each try is refused, and written down.

    python tests/acceptance/issue_7/security.py [--only WORD ...] [--one-room]

A server and two sites are made, joined and started by their commands, each in a room of its own where this
machine lets us (root on Linux). The tries come over the wire from the second site's room. A line for each
says what was sent, how it was refused, and what stands in ``log/refusals.jsonl`` of whoever refused it. At
last, all ports are tried.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from isofed.client.site.policy import read_policy, write_policy  # noqa: E402
from isofed.client.site.settings import read_settings  # noqa: E402
from isofed.protocols import fleet  # noqa: E402
from tests.client.site.site_case import CFG  # noqa: E402
from tests.hub import attacks  # noqa: E402
from tests.hub.attacks import OUT, UP, Attack, beyond  # noqa: E402
from tests.hub.deployment import SERVER, Deployment, deployment, kept, until  # noqa: E402
from tests.hub.intruder import Intruder, lines, listening, open_ports  # noqa: E402

WITHIN = 10.0  # seconds in which a line must be in the log


@dataclass(frozen=True)
class Case:
    """One try.

    Args:
        name: of what is tried.
        attack: does it.
        reason: stands in the line that it leaves.
        site: in whose log; the server's where it is empty.
    """

    name: str
    attack: Attack
    reason: str
    site: str = ""


CASES = (
    Case("no TLS", attacks.no_tls, "spoke without TLS"),
    Case("old TLS", attacks.old_tls, "spoke a version of TLS before 1.3"),
    Case("wrong authority", attacks.other_authority, "showed a certificate of another authority"),
    Case("expired", attacks.expired, "showed a certificate that has expired"),
    Case("stranger at the gateway", attacks.no_certificate, "showed no certificate"),
    Case("stranger at the enrolment", attacks.unknown_key, "not known here with this key"),
    Case("not in the register", attacks.unregistered, "that the register does not know"),
    Case("another site's key", attacks.other_key, "under another key than the site's own"),
    Case("the operator's paths", attacks.unpublished, "a path that is not published"),
    Case("replayed request", attacks.old_request, "a signature that is too old"),
    Case("replayed enrolment", attacks.old_challenge, "was used before"),
    Case("token used twice", attacks.token_twice, "with another key"),
    Case("oversized message", attacks.oversized, "where at most 16777216 are taken"),
    Case("oversized manifest", attacks.long_manifest, "at most 16384 bytes"),
    Case("forged bundle", attacks.forged_bundle, "a bundle that is not the pinned one", UP),
    Case("policy: message", beyond("a measurement", "evaluate"), "asks for message 'evaluate'", UP),
    Case(
        "policy: strategy",
        beyond("a run with dppt", strategy=CFG["strategy"]),
        "asks for strategy 'dppt'", UP,
    ),
    Case(
        "policy: level",
        beyond("a run under entity", protocol={**CFG["protocol"], "name": "entity"}),
        "asks for privacy level 'entity'", UP,
    ),
    Case(
        "policy: minimum",
        beyond("centres of one image", protocol={**CFG["protocol"], "min_images": 1}),
        "asks for min_images 1", UP,
    ),
    Case("revoked", attacks.revoked, f"'{OUT}' is revoked"),
    Case("revoked, renewing", attacks.renewing, f"'{OUT}' is revoked: nothing is renewed"),
)  # fmt: skip


@contextmanager
def deployed(root: Path, apart: bool) -> Iterator[Deployment]:
    """Have a server, a site that is up, and one that has joined."""
    with deployment(root, (UP, OUT), apart) as made:
        made.serve()
        made.join(UP, OUT)
        made.up(UP)
        yield made


@contextmanager
def standing(path: Path) -> Iterator[Deployment]:
    """Take the deployment that a file tells of, in which others run the same and more."""
    yield kept(path)


def tighten(us: Intruder) -> None:
    """Let a site allow less than it would."""
    policy = us.site(UP).policy
    write_policy(policy, replace(read_policy(policy), strategies=("fedavg",), messages=("train",)))


def tried(us: Intruder, case: Case) -> str:
    """Return the line of a case; raises AssertionError where it does not hold."""
    log = (us.site(case.site).logs if case.site else us.hub.logs) / "refusals.jsonl"
    before = len(lines(log))
    with us.made.rooms.entered(OUT):
        sent, refused = case.attack(us)

    def found() -> list[str]:
        return [entry["reason"] for entry in lines(log)[before:] if case.reason in entry["reason"]]

    until(found, WITHIN, lambda: f"{sent}: refused ({refused}), but no line says '{case.reason}'")
    where = case.site or "the server"
    return f"sent {sent}; refused: {refused}; {where} wrote: {found()[0]}"


def let_through(us: Intruder) -> str:
    """See that a site that may is let through, so that refusals mean something."""
    with us.made.rooms.entered(OUT):
        answer = us.post(us.as_site(UP), fleet.ALIVE)
    assert answer.startswith("200"), answer
    return f"sent {UP}'s own request; answered 200"


def ports(us: Intruder) -> str:
    """See what listens, and what can be reached over the wire."""
    hub, site, made = us.settings, read_settings(us.site(UP).settings), us.made
    everywhere = "::" if hub.listen == "0.0.0.0" else hub.listen  # gRPC takes IPv6 along
    wanted = {
        SERVER: {
            ("flower-superlink", "127.0.0.1", hub.superlink_port),
            ("gateway", hub.listen, hub.gateway_port),
            ("enrolment", everywhere, hub.enrolment_port),
        },
        UP: {
            ("connector", "127.0.0.1", site.connector_port),
            ("flower-supernode", "127.0.0.1", site.supernode_port),
        },
    }
    found = dict[str, set[tuple[str, str, int]]]()
    for room in wanted:
        with made.rooms.entered(room):
            found[room] = listening(made.running[room].pid)
    assert found == wanted, f"these listen: {found}, instead of {wanted}"
    said = "; ".join(
        f"{room}: {', '.join(f'{p} {a}:{n}' for p, a, n in sorted(found[room]))}" for room in found
    )
    if not made.rooms.apart:
        return f"listening, {said}; one room for all, so that nothing was tried over the wire"
    with made.rooms.entered(OUT):
        server = open_ports(made.rooms.host)
    with made.rooms.entered(SERVER):
        sites = open_ports(made.rooms.address(UP))
    assert (server, sites) == ([hub.gateway_port, hub.enrolment_port], []), f"open: {server} and {sites}"
    return f"listening, {said}; of 65535 ports over the wire, open at the server {server}, at the site none"


def outcomes(us: Intruder, words: list[str]) -> Iterator[tuple[str, str, bool]]:
    """Yield of each case its name, what was seen, and whether it holds."""
    checks = [("let through", lambda: let_through(us))]
    checks += [(case.name, lambda case=case: tried(us, case)) for case in CASES]  # type: ignore[misc]
    for name, check in [*checks, ("still let through", checks[0][1]), ("ports", lambda: ports(us))]:
        if not any(word in name for word in words):
            continue
        try:
            yield name, check(), True
        except AssertionError as error:
            yield name, str(error), False


def main(argv: list[str]) -> int:
    """Try everything; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="what has this in its name")
    parser.add_argument("--at", type=Path, help="a running deployment's file; it is not the same afterwards")
    parser.add_argument("--one-room", action="store_true", help="make no rooms, even where that is possible")
    given, bad = parser.parse_args(argv), 0
    with tempfile.TemporaryDirectory(prefix="isofed-security-") as spare:
        root, begun = Path(spare), time.monotonic()
        with standing(given.at) if given.at else deployed(root, not given.one_room) as made:
            us = Intruder(made, root / "spare")
            tighten(us)
            print(f"a server and a site are up after {time.monotonic() - begun:.0f} s", flush=True)
            for name, seen, holds in outcomes(us, given.only or [""]):
                bad += not holds
                print(f"{'holds' if holds else 'DOES NOT HOLD':<6} {name:<26} {seen}", flush=True)
    print(f"{time.monotonic() - begun:.0f} s")
    print("accepted" if not bad else f"NOT ACCEPTED: {bad}")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
