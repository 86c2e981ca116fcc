"""The end of a relay that listens: TLS first, then one request after the other."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email.utils import formatdate

import h11

from isofed.protocols.relay.wire import (
    LIMITS,
    REFUSED,
    Head,
    Headers,
    Limits,
    Refused,
    Unreachable,
    Wire,
    header,
    link,
    once,
    passing,
    reason,
)


@dataclass(frozen=True)
class Peer:
    """Who is at the other end: its address and the certificate it showed, DER, or nothing."""

    address: str
    certificate: bytes = b""


@dataclass(frozen=True)
class Exchange:
    """A request that came in, its body perhaps still on the way, and the way to answer it.

    Args:
        wire: the connection.
        peer: who asks.
        head: what is asked.
        length: bytes of the body.
    """

    wire: Wire
    peer: Peer
    head: Head
    length: int

    async def read(self, most: int) -> bytes:
        """Return the whole body, which has at most ``most`` bytes."""
        if self.length > most:
            raise Refused(413, f"{self.length} bytes where at most {most} are expected")
        return b"".join([bytes(piece) async for piece in self.wire.pieces()])

    async def answer(self, status: int, content: bytes, headers: Headers = ()) -> None:
        """Answer with content that is at hand."""
        own = ((b"content-length", b"%d" % len(content)), (b"date", formatdate(usegmt=True).encode()))
        await self.wire.write(h11.Response(status_code=status, headers=[*headers, *own]), once(content))

    async def refuse(self, refused: Refused) -> None:
        """Answer why it is not passed on, and hang up afterwards."""
        headers = ((REFUSED, b"1"), (b"content-type", b"text/plain"), (b"connection", b"close"))
        await self.answer(refused.status, str(refused).encode(), headers)

    async def stream(self, status: int, headers: Headers, body: AsyncIterator[bytes]) -> None:
        """Answer with what comes piece by piece."""
        await self.wire.write(h11.Response(status_code=status, headers=list(headers)), body)

    @asynccontextmanager
    async def waiting(self, every: float) -> AsyncIterator[None]:
        """Say every so many seconds that the answer takes longer (status 102) while the block lasts.

        Whoever asks then goes on waiting, however short the time in which it wants to hear something.
        """
        task = asyncio.ensure_future(self._reassure(every))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _reassure(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            await self.wire.send(h11.InformationalResponse(status_code=102, headers=[]))


TOO_MANY = "too many connections at a time"
Handler = Callable[[Exchange], Awaitable[None]]


@dataclass(frozen=True)
class Server:
    """The end that listens.

    Args:
        context: the certificate to show and whom to let in; asked for each connection, so that a renewed one
            is used at once. None speaks without TLS.
        handle: answers a request; raises :class:`Refused` or :class:`Unreachable` instead.
        refused: told of each request that is refused, why and its path, and of each connection that was not
            let in; then the path is empty.
        limits: of each connection.
        speaks: returns who asks; another one than the peer where a proxy that is believed speaks for it.
        exempt: tells who may have any number of connections.
        live: the conversations that go on; for :meth:`drop`.
    """

    context: Callable[[], ssl.SSLContext | None]
    handle: Handler
    refused: Callable[[Peer, str, str], None]
    limits: Limits = LIMITS
    speaks: Callable[[Exchange], Peer] = lambda exchange: exchange.peer
    exempt: Callable[[Peer], bool] = lambda peer: False
    live: dict["asyncio.Task[None]", Peer] = field(default_factory=dict)

    async def listen(self, host: str, port: int, ready: Callable[[int], None]) -> None:
        """Listen until cancelled; ``ready`` is told the port, which is a free one for port 0."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family, backlog=128) as listener:
            listener.setblocking(False)
            ready(int(listener.getsockname()[1]))
            try:
                while True:
                    self._take(*await loop.sock_accept(listener))
            finally:
                self.drop(lambda peer: True)
                await asyncio.gather(*self.live, return_exceptions=True)

    def drop(self, whom: Callable[[Peer], bool]) -> None:
        """End all conversations with some, at once."""
        for task, peer in list(self.live.items()):
            if whom(peer):
                task.cancel()

    def _take(self, sock: socket.socket, address: tuple[str, int]) -> None:
        if len(self.live) >= self.limits.connections:
            self.refused(Peer(address[0]), TOO_MANY, "")
            return sock.close()
        task = asyncio.get_running_loop().create_task(self._meet(sock, Peer(address[0])))
        self.live[task] = Peer(address[0])
        task.add_done_callback(self.live.pop)

    async def _meet(self, sock: socket.socket, peer: Peer) -> None:
        try:
            wire = await self._secured(sock)
        except (OSError, ssl.CertificateError) as error:
            return self.refused(peer, reason(error), "")
        task = asyncio.current_task()
        secure = wire.writer.get_extra_info("ssl_object")
        peer = replace(peer, certificate=(secure and secure.getpeercert(True)) or b"")
        if task is not None:
            self.live[task] = peer
        if self._crowded(peer):
            self.refused(peer, TOO_MANY, "")
            return wire.cut()
        try:
            while await self._serve(wire, peer):
                pass
            await wire.close()
        except (OSError, h11.ProtocolError, Unreachable):
            wire.cut()  # it broke off, dawdles, or speaks no HTTP
        except Exception as error:
            # the text of an exception may hold what nobody else may read
            self.refused(peer, f"unexpected {type(error).__name__}", "")
            wire.cut()
        except BaseException:
            wire.cut()
            raise

    def _crowded(self, peer: Peer) -> bool:
        mine = list(self.live.values()).count(peer) if peer.certificate else 0
        return mine > self.limits.each and not self.exempt(peer)

    async def _secured(self, sock: socket.socket) -> Wire:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=self.limits.piece)
        protocol = asyncio.StreamReaderProtocol(reader)
        context = self.context()
        most = self.limits.handshake if context else None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, sock, ssl=context, ssl_handshake_timeout=most
        )
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return Wire(link(h11.SERVER, self.limits), reader, writer, self.limits)

    async def _serve(self, wire: Wire, peer: Peer) -> bool:
        """Answer one request; tell whether another may follow on this connection."""
        request = await wire.event(self.limits.idle)
        if not isinstance(request, h11.Request):
            return False
        exchange = _exchange(wire, peer, request)
        exchange = replace(exchange, peer=self.speaks(exchange))
        try:
            _measure(exchange, request)
            await self.handle(exchange)
        except (Refused, Unreachable) as error:
            if isinstance(error, Refused):
                self.refused(exchange.peer, str(error), exchange.head.path)
            if wire.begun():
                return False
            await exchange.refuse(error if isinstance(error, Refused) else Refused(503, str(error)))
            await wire.linger()
        return wire.again()


def _exchange(wire: Wire, peer: Peer, request: h11.Request) -> Exchange:
    headers = passing(request.headers)
    length = int(header(headers, b"content-length") or b"0")
    head = Head(request.method.decode("ascii"), request.target.decode("ascii"), headers)
    return Exchange(wire, peer, head, length)


def _measure(exchange: Exchange, request: h11.Request) -> None:
    most = exchange.wire.limits.body
    if any(name == b"transfer-encoding" for name, _ in request.headers):
        raise Refused(411, "a request that does not say its length")
    if exchange.length > most:
        raise Refused(413, f"a request of {exchange.length} bytes, where at most {most} are taken")
