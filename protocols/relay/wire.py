"""One connection of a relay: HTTP/1.1 messages, sent and received piece by piece."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass

import h11

from isofed.errors import IsofedError

Headers = tuple[tuple[bytes, bytes], ...]
# asyncio hangs up on a certificate that it does not take before OpenSSL's alert has left
SILENT = "hung up without a word; the log of refusals at its end may say why"
LINGER = 1.0  # seconds
REFUSED = b"isofed-refused"  # marks an answer that is the relay's own
# what concerns one connection and not the request
_HOP = frozenset(
    b"connection keep-alive te trailer transfer-encoding upgrade expect host proxy-connection".split()
)
# OpenSSL's words and ours
_REASONS = {
    "HTTP_REQUEST": "spoke without TLS",
    "WRONG_VERSION_NUMBER": "spoke without TLS",
    "UNSUPPORTED_PROTOCOL": "spoke a version of TLS before 1.3",
    "NO_PROTOCOLS": "spoke a version of TLS before 1.3",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "showed no certificate",
    "CERTIFICATE_REQUIRED": "asks for a certificate, and none was shown",
    "has expired": "showed a certificate that has expired",
    "EXPIRED": "says that our certificate has expired",
    "not yet valid": "showed a certificate that is not valid yet; is a clock wrong?",
    "issuer": "showed a certificate of another authority",
    "self-signed": "showed a certificate of another authority",
    "self signed": "showed a certificate of another authority",
    "UNKNOWN_CA": "does not know our authority",
    "purpose": "showed a certificate that is not meant for this",
    "ostname mismatch": "showed a certificate of another host",
    "IP address mismatch": "showed a certificate of another host",
}


class Refused(IsofedError):
    """A request that is not passed on, with the status that says so."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Unreachable(IsofedError):
    """The other side does not answer, or stopped in the middle."""


@dataclass(frozen=True)
class Limits:
    """What one connection may cost.

    Args:
        body: bytes of a request or an answer.
        head: bytes of the first line and the headers.
        patience: seconds without a byte, in the middle of something.
        idle: seconds between two requests.
        connections: at a time.
        each: connections of one certificate at a time.
        handshake: seconds for TLS.
        piece: bytes read at once; a connection holds about four of them at most.
    """

    body: int = 16 << 20
    head: int = 16 << 10
    patience: float = 30.0
    idle: float = 75.0
    connections: int = 256
    each: int = 24
    handshake: float = 5.0
    piece: int = 1 << 17


LIMITS = Limits()


@dataclass(frozen=True)
class Head:
    """What a request says before its body: method, path as it was asked, headers by names in lower case."""

    method: str
    path: str
    headers: Headers = ()


def passing(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the headers that concern the message, and not this one connection."""
    return tuple((bytes(name), bytes(value)) for name, value in headers if name not in _HOP)


def header(headers: Headers, name: bytes) -> bytes:
    """Return a header's value; nothing where it is missing or stands there twice."""
    found = [value for key, value in headers if key == name]
    return found[0] if len(found) == 1 else b""


@dataclass(frozen=True)
class Wire:
    """One connection, where HTTP stands on it, and its TLS."""

    link: h11.Connection
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    limits: Limits
    context: ssl.SSLContext | None = None

    async def event(self, patience: float) -> object:
        """Return what comes next; waits ``patience`` seconds for each piece of it."""
        while (event := self.link.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(patience):
                self.link.receive_data(await self.reader.read(self.limits.piece))
        return event

    async def send(self, event: h11.Event) -> None:
        """Send one event, and wait while the other side is slower than we are."""
        for part in self.link.send_with_data_passthrough(event) or ():
            self.writer.write(part)
        async with asyncio.timeout(self.limits.patience):
            await self.writer.drain()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body that follows a head, to its end."""
        size = 0
        while not isinstance(event := await self._middle(), h11.EndOfMessage):
            size += len(event.data)
            if size > self.limits.body:
                raise Refused(413, f"a message of more than {self.limits.body} bytes")
            yield event.data

    async def _middle(self) -> h11.Data | h11.EndOfMessage:
        with suppress(OSError, h11.ProtocolError):
            event = await self.event(self.limits.patience)
            if isinstance(event, h11.Data | h11.EndOfMessage):
                return event
        raise Unreachable("the other side stopped in the middle of a message")

    async def write(self, head: h11.Event, body: AsyncIterator[bytes]) -> None:
        """Send a whole message."""
        await self.send(head)
        async for piece in body:
            await self.send(h11.Data(data=piece))
        await self.send(h11.EndOfMessage())

    async def ask(self, head: Head, host: str, body: AsyncIterator[bytes]) -> None:
        """Send a request to a host, as the end that opened the connection."""
        headers = [(b"host", host.encode()), *head.headers]
        await self.write(h11.Request(method=head.method, target=head.path, headers=headers), body)

    async def answered(self, patience: float) -> tuple[int, Headers]:
        """Wait for an answer's status and headers; one that says "go on waiting" starts the patience anew."""
        while isinstance(event := await self.event(patience), h11.InformationalResponse):
            pass
        if not isinstance(event, h11.Response):
            raise Unreachable(f"the other side {SILENT}")
        return event.status_code, passing(event.headers)

    def again(self) -> bool:
        """Get ready for another request, if both sides finished with this one."""
        if self.link.their_state is h11.SEND_BODY:
            self.link.next_event()  # the end of a body that has nothing in it
        done = self.link.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}
        if done:
            self.link.start_next_cycle()
        return done

    async def linger(self) -> None:
        """Let the other side read our last word: whoever hangs up on unread bytes takes it away again."""
        with suppress(OSError):
            async with asyncio.timeout(LINGER):
                while await self.reader.read(self.limits.piece):
                    pass

    def begun(self) -> bool:
        """Tell whether our answer has begun."""
        return self.link.our_state is not h11.SEND_RESPONSE

    def gone(self) -> bool:
        """Tell whether the other side has hung up."""
        return self.reader.at_eof() or self.writer.is_closing()

    async def close(self) -> None:
        """Hang up when all that was said has left; return when that is done."""
        self.writer.close()
        try:
            with suppress(OSError):
                async with asyncio.timeout(LINGER):
                    await self.writer.wait_closed()
        finally:
            self.cut()

    def cut(self) -> None:
        """Hang up at once."""
        # some versions of Python 3.11 raise this where a conversation over TLS has ended by itself
        with suppress(AttributeError):
            self.writer.transport.abort()


def reason(error: Exception) -> str:
    """Say in words why a connection did not come about; names nobody."""
    text = getattr(error, "verify_message", "") or getattr(error, "reason", "") or ""
    for found, words in _REASONS.items():
        if found in str(text):
            return words
    if isinstance(error, TimeoutError):
        return "said nothing for too long"
    return "did not agree on TLS" if isinstance(error, ssl.SSLError) else SILENT


async def once(content: bytes) -> AsyncIterator[bytes]:
    """Yield content that is at hand as a body."""
    if content:
        yield content


def link(role: type[h11.CLIENT] | type[h11.SERVER], limits: Limits) -> h11.Connection:
    """Return where HTTP stands on a new connection, at one of its two ends."""
    return h11.Connection(role, max_incomplete_event_size=limits.head)


async def call(host: str, port: int, context: ssl.SSLContext | None, name: str, limits: Limits) -> Wire:
    """Open a connection to a server, whose certificate must be for ``name``."""
    most = limits.handshake if context else None
    try:
        async with asyncio.timeout(limits.handshake):
            reader, writer = await asyncio.open_connection(
                host, port, limit=limits.piece, ssl=context, ssl_handshake_timeout=most,
                server_hostname=name if context else None,
            )  # fmt: skip
    except (OSError, ssl.CertificateError) as error:
        raise Unreachable(f"the other side {_failure(error)}") from None
    return Wire(link(h11.CLIENT, limits), reader, writer, limits, context)


def _failure(error: Exception) -> str:
    return reason(error) if isinstance(error, ssl.SSLError) else "does not answer"
