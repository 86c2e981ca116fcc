"""The end of a relay that asks: connections to one server, kept for the next request."""

import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h11

from isofed.protocols.relay.wire import (
    LIMITS,
    Head,
    Headers,
    Limits,
    Refused,
    Unreachable,
    Wire,
    call,
    once,
    reason,
)


@dataclass(frozen=True)
class Answered:
    """An answer whose body may still be on its way.

    Args:
        wire: the connection that it comes over.
        status: its number.
        headers: names in lower case.
    """

    wire: Wire
    status: int
    headers: Headers

    async def read(self, most: int) -> bytes:
        """Return the whole body, which has at most ``most`` bytes."""
        parts: list[bytes] = []
        async for piece in self.wire.pieces():
            parts.append(bytes(piece))
            if sum(map(len, parts)) > most:
                raise Refused(502, f"an answer of more than {most} bytes")
        return b"".join(parts)


@dataclass(frozen=True)
class Upstream:
    """A server that is asked again and again.

    Args:
        host: where it is.
        port: its port.
        name: what its certificate must be for.
        context: whom to trust and what to show; asked for each request, and where it is another one than
            before, another connection is made. None speaks without TLS.
        limits: of each connection.
        keep: seconds after which an unused connection is not used again; less than the server keeps it.
        idle: unused connections, since when and with which TLS.
    """

    host: str
    port: int
    name: str
    context: Callable[[], ssl.SSLContext | None]
    limits: Limits = LIMITS
    keep: float = 4.0
    idle: list[tuple[float, ssl.SSLContext | None, Wire]] = field(default_factory=list)

    @asynccontextmanager
    async def ask(
        self,
        head: Head,
        body: bytes | AsyncIterator[bytes],
        patience: float | None = None,
    ) -> AsyncIterator[Answered]:
        """Ask something, and give what is answered while the block lasts.

        Args:
            head: of the request; its headers say the length of the body.
            body: whole, or piece by piece; where it is whole, a connection that turns out to be cut is
                replaced once.
            patience: seconds until the answer must begin.

        Raises:
            Unreachable: the server does not answer.
        """
        answered = await self._asked(head, body, patience or self.limits.patience)
        wire = answered.wire
        try:
            yield answered
        except BaseException:
            wire.cut()
            raise
        self._back(wire)

    async def _asked(self, head: Head, body: bytes | AsyncIterator[bytes], patience: float) -> Answered:
        for fresh in (False, True):
            wire, used = await self._wire(fresh)
            try:
                await wire.ask(head, self.name, once(body) if isinstance(body, bytes) else body)
                return Answered(wire, *await wire.answered(patience))
            except (OSError, h11.ProtocolError, Unreachable) as error:
                wire.cut()
                # only what is at hand can be said twice
                if not used or not isinstance(body, bytes):
                    raise Unreachable(_words(error)) from None
            except BaseException:
                wire.cut()
                raise
        raise AssertionError("the second connection is a new one")

    async def _wire(self, fresh: bool) -> tuple[Wire, bool]:
        """Return a connection, and whether it was used before."""
        context = self.context()
        while self.idle and not fresh:
            since, shown, wire = self.idle.pop()
            if shown is context and time.monotonic() - since < self.keep and not wire.gone():
                return wire, True
            wire.cut()
        return await call(self.host, self.port, context, self.name, self.limits), False

    def _back(self, wire: Wire) -> None:
        if wire.again() and not wire.gone():
            self.idle.append((time.monotonic(), wire.context, wire))
        else:
            wire.cut()

    def forget(self) -> None:
        """Close all unused connections."""
        while self.idle:
            self.idle.pop()[-1].cut()


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, Unreachable) else f"the other side {reason(error)}"
