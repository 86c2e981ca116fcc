"""What the gateway lets through: each site as itself alone, the fleet's paths alone.

A request that has nothing to bring back yet is held until there is something: a SuperNode that finds nothing
sleeps three seconds (flwr/supernode/start_client_internal.py, 1.41, line 263), and an object that is not
there yet is looked for after one (flwr/supercore/constant.py, PULL_INITIAL_BACKOFF).
"""

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from isofed.errors import CheckpointError
from isofed.protocols import fleet
from isofed.protocols.certificates import serial
from isofed.protocols.relay.lines import Lines
from isofed.protocols.relay.server import Exchange, Peer
from isofed.protocols.relay.upstream import Answered, Upstream
from isofed.protocols.relay.wire import Headers, Refused, Unreachable, header, once
from isofed.server.hub.bell import GAPS, QUIET, Bell
from isofed.server.hub.contacts import Contacts
from isofed.server.hub.register import Register
from isofed.server.hub.sites import Site

ALIVE_BODY = 4096  # bytes
HOLD = 20.0  # seconds; the connector waits longer, and asks again
UNBELIEVED = "a signature that is too old, or not the node's"
STRIKES = 3  # times that one message is given to a site which never says that it has it


@dataclass
class Given:
    """A message that a site was given and has not confirmed; the SuperLink gives it only once."""

    headers: Headers
    body: bytes
    times: int = 0


@dataclass(frozen=True)
class Gate:
    """What the gateway decides by.

    Args:
        register: who is admitted.
        superlink: behind it.
        bell: when to ask the SuperLink again.
        contacts: who was heard of.
        refusals: what was refused, one line each.
    """

    register: Register
    superlink: Upstream
    bell: Bell
    contacts: Contacts
    refusals: Lines
    given: dict[str, dict[str, Given]] = field(default_factory=dict)
    pulling: dict[str, Exchange] = field(default_factory=dict)

    async def handle(self, exchange: Exchange) -> None:
        """Answer a request, or refuse it."""
        site = self.admitted(exchange.peer)
        if exchange.head.path == fleet.ALIVE:
            return await self._alive(exchange, site)
        fleet.check(exchange.head)
        _itself(exchange, site)
        self.contacts.heard(site.name)
        await _ROUTES.get(exchange.head.path, Gate._through)(self, exchange, site)

    def admitted(self, peer: Peer) -> Site:
        """Return the site whose certificate was shown.

        Raises:
            Refused: it is unknown, revoked, replaced or expired.
        """
        if not peer.certificate:
            raise Refused(403, "no certificate")
        number = _serial(peer.certificate)
        try:
            site = self.register.by_certificate(number)
        except CheckpointError:
            raise Refused(503, "the register cannot be read") from None
        if site is None:
            raise Refused(403, "a certificate that the register does not know")
        if why := site.refused(number, time.time()):
            raise Refused(403, why)
        return site

    def refused(self, peer: Peer, why: str, path: str) -> None:
        """Write a refusal down: who, what, why; never content."""
        with suppress(CheckpointError):
            found = self.register.by_certificate(_serial(peer.certificate)) if peer.certificate else None
            who = {"site": found.name} if found else {}
            self.refusals.write(**who, address=peer.address, path=path[:100], reason=why)

    def outcast(self, peer: Peer) -> bool:
        """Tell whether a conversation is to be ended, because its site is admitted no more."""
        if not peer.certificate:
            return False
        try:
            self.admitted(peer)
        except Refused as refused:
            self.refused(peer, str(refused), "")
            return refused.status == 403
        return False

    @asynccontextmanager
    async def _ask(self, exchange: Exchange, body: bytes | AsyncIterator[bytes]) -> AsyncIterator[Answered]:
        """Ask the SuperLink; that it does not believe a signature is written down here, too."""
        async with self.superlink.ask(exchange.head, body) as answered:
            if answered.status == 401:
                self.refused(exchange.peer, UNBELIEVED, exchange.head.path)
            yield answered

    async def _through(self, exchange: Exchange, site: Site) -> None:
        async with self._ask(exchange, exchange.wire.pieces()) as answered:
            await _pass_on(exchange, answered)

    async def _activate(self, exchange: Exchange, site: Site) -> None:
        async with self._ask(exchange, exchange.wire.pieces()) as answered:
            await _pass_on(exchange, answered)
            if answered.status == 200:  # a SuperNode that comes too early after its end is told to wait
                self.contacts.started(site.name)

    async def _push(self, exchange: Exchange, site: Site) -> None:
        body = await exchange.read(fleet.SMALL)
        if fleet.senders(body) - {site.node}:
            raise Refused(403, "a reply in the name of another site")
        async with self._ask(exchange, body) as answered:
            await _pass_on(exchange, answered)

    async def _confirm(self, exchange: Exchange, site: Site) -> None:
        body = await exchange.read(fleet.SMALL)
        async with self._ask(exchange, body) as answered:
            await _pass_on(exchange, answered)
        self.given.get(site.name, {}).pop(fleet.confirmed(body), None)

    async def _object(self, exchange: Exchange, site: Site) -> None:
        body, wait = await exchange.read(fleet.SMALL), Wait.of(self.bell)
        while True:
            async with self._ask(exchange, body) as answered:
                length = int(header(answered.headers, b"content-length") or fleet.BODY)
                if answered.status != 200 or length > 64:
                    return await _pass_on(exchange, answered)
                content = await answered.read(64)
            if not fleet.still_coming(content) or wait.over():
                return await exchange.stream(200, answered.headers, once(content))
            await wait.on(exchange)
            self.admitted(exchange.peer)

    async def _pull(self, exchange: Exchange, site: Site) -> None:
        body, wait = await exchange.read(fleet.SMALL), Wait.of(self.bell)
        self.pulling[site.name] = exchange
        while not (held := self.given.setdefault(site.name, {})):
            async with self._ask(exchange, body) as answered:
                if answered.status != 200:
                    return await _pass_on(exchange, answered)
                content = await answered.read(fleet.BODY)
            if number := fleet.pulled(content):
                held[number] = Given(answered.headers, content)
            elif wait.over():
                return await exchange.stream(200, answered.headers, once(content))
            else:
                await wait.on(exchange)
                self.admitted(exchange.peer)
            if self.pulling[site.name] is not exchange:
                raise Unreachable("a newer request took this one's place")
        await self._give(exchange, held)

    async def _give(self, exchange: Exchange, held: dict[str, Given]) -> None:
        number, oldest = next(iter(held.items()))
        oldest.times += 1
        if oldest.times >= STRIKES:
            del held[number]
        await exchange.stream(200, oldest.headers, once(oldest.body))

    async def _alive(self, exchange: Exchange, site: Site) -> None:
        """Take a sign of life; an empty one is none, and asks only whether the site is let through."""
        if body := await exchange.read(ALIVE_BODY):
            self.contacts.alive(site.name, _said(body))
        about = {"time": time.time(), "node": site.node}
        await exchange.answer(200, json.dumps(about).encode())


_ROUTES = {
    fleet.PULL: Gate._pull,
    fleet.PUSH: Gate._push,
    fleet.CONFIRM: Gate._confirm,
    fleet.GET_OBJECT: Gate._object,
    fleet.ACTIVATE: Gate._activate,
}


@dataclass
class Wait:
    """A request that is kept because there is nothing to answer yet."""

    bell: Bell
    end: float
    asked: int = 0

    @classmethod
    def of(cls, bell: Bell) -> "Wait":
        """Begin."""
        return cls(bell, time.monotonic() + HOLD)

    def over(self) -> bool:
        """Tell whether it has been kept long enough."""
        return time.monotonic() > self.end

    async def on(self, exchange: Exchange) -> None:
        """Return when it is worth asking again.

        Raises:
            Unreachable: whoever asks has hung up.
        """
        began = time.monotonic()
        await self.bell.wait(GAPS[min(self.asked, len(GAPS) - 1)])
        # while the files change without a pause, as when a model arrives, it asks less and less often
        self.asked = 0 if time.monotonic() - began > QUIET else self.asked + 1
        if exchange.wire.gone():
            raise Unreachable("the site hung up")


async def _pass_on(exchange: Exchange, answered: Answered) -> None:
    await exchange.stream(answered.status, answered.headers, answered.wire.pieces())


def _itself(exchange: Exchange, site: Site) -> None:
    """Refuse a request signed with another key than the site's own."""
    told = header(exchange.head.headers, fleet.KEY_HEADER)
    if told != base64.b64encode(site.key.encode()):
        raise Refused(403, "a request under another key than the site's own")


def _said(body: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        said = json.loads(body)
        if isinstance(said, dict):
            return said
    raise Refused(400, "a sign of life that cannot be read")


@lru_cache(maxsize=1024)
def _serial(certificate: bytes) -> str:
    return serial(certificate)
