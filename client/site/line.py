"""What the connector does with a request of its SuperNode: passes it on, and looks at what it may not.

It never tells the SuperNode that it is not wanted (status 401 ends a SuperNode, 403 makes it drop a message):
whatever is wrong with the gateway is "try again later", and what is asked meanwhile waits here.
"""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field

from isofed.client.site.folder import SiteFolder
from isofed.client.site.state import read_state
from isofed.errors import IsofedError
from isofed.protocols import fleet
from isofed.protocols.keys import read_key
from isofed.protocols.relay.lines import Lines
from isofed.protocols.relay.server import Exchange
from isofed.protocols.relay.upstream import Answered, Upstream
from isofed.protocols.relay.wire import REFUSED, Head, Refused, Unreachable, header, once

EVERY = 3.0  # seconds between two signs of life
REASSURE = 10.0  # seconds; a SuperNode hangs up after thirty without a word
HELD = 30.0  # seconds that the gateway may hold a request
LONGEST = 200.0  # seconds for which the SuperLink takes one signature, with room for wrong clocks
PATIENCE = 20.0  # seconds for which a request waits for a gateway that is away
SILENT = 60.0  # seconds for which the same refusal is not written down again
AGAIN = 0.5  # seconds between two tries
ONLINE = 412  # what the SuperLink answers to a SuperNode while it takes that for online
SLACK = 1 << 20  # bytes beside those that the policy counts, and a fiftieth of them: names, shapes, numbers


@dataclass
class Receipt:
    """What one message made travel.

    Args:
        round: as the message says.
        message: its number.
        down: bytes of bodies that came.
        up: bytes of bodies that left.
    """

    round: str = ""
    message: str = ""
    down: int = 0
    up: int = 0


@dataclass
class Line:
    """A site's connection to its gateway.

    Args:
        folder: the site's.
        gateway: the other end.
        most: returns the bytes which may leave in answer to a round.
        bundle: SHA-256 of the only one that is admitted.
        level: the site's privacy level.
        receipts: log of what travelled, a line for each message.
        refusals: log of what was refused, here or there.
        connector: log of when the gateway was lost and found.
    """

    folder: SiteFolder
    gateway: Upstream
    most: Callable[[], int]
    bundle: Awaitable[str]
    level: str
    receipts: Lines
    refusals: Lines
    connector: Lines
    at: Receipt = field(default_factory=Receipt)
    lost: str | None = ""  # why the gateway is not reached; None while it is
    noted: tuple[str, float] = ("", 0.0)  # the last refusal, and when

    async def handle(self, exchange: Exchange) -> None:
        """Answer a SuperNode's request."""
        fleet.check(exchange.head)
        self.at.up += exchange.length
        await _ROUTES.get(exchange.head.path, Line._through)(self, exchange)

    async def _through(self, exchange: Exchange) -> None:
        await self._passed(exchange, await exchange.read(fleet.SMALL))

    async def _passed(self, exchange: Exchange, body: bytes) -> None:
        """Pass a request on, and wait a while for a gateway that is away."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                async with self._ask(exchange.head, body) as answered:
                    return await self._back(exchange, answered)
            except Unreachable:
                if time.monotonic() > end or exchange.head.path in _AT_ONCE or exchange.wire.begun():
                    raise
            await asyncio.sleep(AGAIN)

    async def _activate(self, exchange: Exchange) -> None:
        """Let a SuperNode begin, also where the one before it died and still counts as online."""
        body = await exchange.read(fleet.SMALL)
        try:
            async with self._ask(exchange.head, body) as answered:
                if answered.status != ONLINE:
                    return await self._back(exchange, answered)
            await self._sign_off()
        except Unreachable:
            if exchange.wire.begun():
                raise
        await self._passed(exchange, body)

    async def _sign_off(self) -> None:
        """Say for a SuperNode that died that it is gone; the gateway knows its number."""
        nothing = Head("POST", fleet.ALIVE, ((b"content-length", b"0"),))
        async with self._ask(nothing, b"") as answered:
            said = await answered.read(fleet.SMALL)
            node = json.loads(said).get("node", 0) if answered.status == 200 else 0
        if node:
            head, body = fleet.signing_off(read_key(self.folder.key), node, time.time())
            async with self._ask(head, body) as answered:
                await answered.read(fleet.SMALL)
                self.connector.write(event="signed off", status=answered.status)

    async def _upload(self, exchange: Exchange) -> None:
        most = self.most() * 51 // 50 + SLACK
        if self.at.up > most:
            why = "more than 'bytes_a_round' of policy.toml was to leave"
            self._note(why, exchange.head.path)
            raise Refused(403, why)
        async with self._ask(exchange.head, exchange.wire.pieces()) as answered:
            await self._back(exchange, answered)

    async def _bundle(self, exchange: Exchange) -> None:
        async with self._ask(exchange.head, await exchange.read(fleet.SMALL)) as answered:
            content = await answered.read(fleet.BODY)
        if answered.status == 200 and fleet.bundle_of(content) != await self.bundle:
            why = "a bundle that is not the pinned one"
            self._note(why, exchange.head.path)
            raise Refused(403, why)
        await self._say(exchange, answered, content)

    async def _pull(self, exchange: Exchange) -> None:
        self._receipt()
        body = await exchange.read(fleet.SMALL)
        async with exchange.waiting(REASSURE):
            answered, content = await self._pulled(exchange, body)
        if number := fleet.pulled(content) if answered.status == 200 else "":
            self.at = Receipt(fleet.round_of(content), number)
        await self._say(exchange, answered, content)

    async def _pulled(self, exchange: Exchange, body: bytes) -> tuple[Answered, bytes]:
        """Ask until a message comes, or until the signature of the request gets too old."""
        end = time.monotonic() + LONGEST
        while True:
            found, again = None, AGAIN
            try:
                async with self._ask(exchange.head, body, HELD) as answered:
                    found = answered, await answered.read(fleet.BODY)
            except Refused:
                again = EVERY  # it will not change its mind soon
            except (Unreachable, OSError):
                pass
            if exchange.wire.gone():
                raise Unreachable("the SuperNode hung up")
            if found and (found[0].status != 200 or fleet.pulled(found[1])):
                return found
            if time.monotonic() > end:
                if found:
                    return found
                raise Unreachable("the gateway is away")
            if not found:
                await asyncio.sleep(again)

    @asynccontextmanager
    async def _ask(
        self, head: Head, body: bytes | AsyncIterator[bytes], patience: float | None = None
    ) -> AsyncIterator[Answered]:
        """Ask the gateway; what it refuses is noted here too.

        Raises:
            Refused: it did, as "try again later".
        """
        async with self.gateway.ask(head, body, patience) as answered:
            if header(answered.headers, REFUSED):
                why = (await answered.read(fleet.SMALL)).decode("utf-8", "replace")[:200]
                self._note(f"the gateway refuses: {why}", head.path)
                raise Refused(503, why)
            yield answered

    async def _back(self, exchange: Exchange, answered: Answered) -> None:
        self.at.down += int(header(answered.headers, b"content-length") or 0)
        await exchange.stream(answered.status, answered.headers, answered.wire.pieces())

    async def _say(self, exchange: Exchange, answered: Answered, content: bytes) -> None:
        self.at.down += len(content)
        await exchange.stream(answered.status, answered.headers, once(content))

    def _note(self, why: str, path: str) -> None:
        """Write a refusal down; the same one not again within a minute."""
        known, since = self.noted
        if why != known or time.monotonic() - since > SILENT:
            self.noted = (why, time.monotonic())
            self.refusals.write(path=path, reason=why)

    def _receipt(self) -> None:
        """Write down what the last message made travel; that the next one is asked for is its end."""
        if self.at.message:
            self.receipts.write(**asdict(self.at))
        self.at = Receipt()

    async def signs_of_life(self) -> None:
        """Tell the gateway for ever that this site is there."""
        while True:
            content = json.dumps(self._said()).encode()
            head = Head("POST", fleet.ALIVE, ((b"content-length", b"%d" % len(content)),))
            why = None
            try:
                async with self._ask(head, content, EVERY) as answered:
                    await answered.read(fleet.SMALL)
            except (IsofedError, OSError) as error:
                why = str(error) or "the other side stopped in the middle"
                self.gateway.forget()
            if why != self.lost:
                self.connector.write(**({"event": "lost", "why": why} if why else {"event": "reached"}))
                self.lost = why
            await asyncio.sleep(EVERY)

    def _said(self) -> dict[str, object]:
        """Return what a sign of life says: which worker this is, what it is at, bytes free on its disk."""
        state = read_state(self.folder)
        worker = asdict(state) if state else {}
        worker.pop("process", None)
        return {**worker, "level": self.level, "free": shutil.disk_usage(self.folder.root).free}


_AT_ONCE = frozenset((fleet.BEAT, fleet.DEACTIVATE))  # a SuperNode waits for these five seconds, or is ending
_ROUTES = {
    fleet.ACTIVATE: Line._activate,
    fleet.PULL: Line._pull,
    fleet.PUT_OBJECT: Line._upload,
    fleet.BUNDLE: Line._bundle,
}
