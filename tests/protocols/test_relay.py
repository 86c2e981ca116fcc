"""The relay's two ends, on real sockets."""

import asyncio
import socket
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from isofed.protocols import certificates
from isofed.protocols.keys import for_tls, keep, new_key
from isofed.protocols.relay import wire
from isofed.protocols.relay.fresh import Fresh
from isofed.protocols.relay.lines import Lines
from isofed.protocols.relay.server import Exchange, Handler, Peer, Server
from isofed.protocols.relay.upstream import Upstream
from isofed.protocols.relay.wire import REFUSED, Head, Limits, Refused, Unreachable, header
from tests.pace import LONG, at_some_pace

LIMITS = Limits(body=1 << 20, patience=LONG, idle=LONG, handshake=LONG)
T = TypeVar("T")
MADE: list[Upstream] = []
Said = list[tuple[Peer, str]]


@asynccontextmanager
async def listening(
    handle: Handler, context: ssl.SSLContext | None = None, limits: Limits = LIMITS, said: Said | None = None
) -> AsyncIterator[tuple[Server, int]]:
    """Run a server on a free port."""
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    heard: Said = [] if said is None else said
    server = Server(lambda: context, handle, lambda peer, why, path: heard.append((peer, why)), limits)
    task = asyncio.ensure_future(server.listen("127.0.0.1", 0, ready.set_result))
    try:
        yield server, await ready
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def upstream(port: int, context: ssl.SSLContext | None = None, limits: Limits = LIMITS) -> Upstream:
    """Return a client of a port."""
    there = Upstream("127.0.0.1", port, "127.0.0.1", lambda: context, limits)
    MADE.append(there)
    return there


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a test's own function, and close what it left open."""

    async def closing() -> T:
        try:
            return await main()
        finally:
            while MADE:
                MADE.pop().forget()
            await asyncio.sleep(0.01)

    return asyncio.run(closing())


async def asked(there: Upstream, body: bytes = b"", path: str = "/x") -> tuple[int, bytes]:
    """Ask, and return status and content."""
    head = Head("POST", path, ((b"content-length", b"%d" % len(body)),))
    async with there.ask(head, body) as answered:
        return answered.status, await answered.read(there.limits.body)


async def echo(exchange: Exchange) -> None:
    """Answer with what was asked."""
    await exchange.answer(200, await exchange.read(1 << 20))


def test_a_connection_is_used_again() -> None:
    peers = []

    async def handle(exchange: Exchange) -> None:
        peers.append(exchange.wire.writer.get_extra_info("peername"))
        await echo(exchange)

    async def main() -> None:
        async with listening(handle) as (_, port):
            there = upstream(port)
            assert [await asked(there, body) for body in (b"one", b"", b"x" * 300_000)] == [
                (200, b"one"), (200, b""), (200, b"x" * 300_000)
            ]  # fmt: skip

    run(main)
    assert len(peers) == 3 and len(set(peers)) == 1


def test_what_passes_is_not_held() -> None:
    """40 MB through a relay of both ends, in and out, take less than 4 MB at any time."""
    size, limits = 40 << 20, Limits(body=64 << 20)

    async def drawn() -> AsyncIterator[bytes]:
        for _ in range(size >> 16):
            yield bytes(1 << 16)

    async def main() -> tuple[int, int]:
        async def far(exchange: Exchange) -> None:
            got = 0
            async for piece in exchange.wire.pieces():
                got += len(piece)
            assert got == size
            await exchange.stream(200, ((b"content-length", b"%d" % size),), drawn())

        async def near(exchange: Exchange) -> None:
            async with there.ask(exchange.head, exchange.wire.pieces()) as answered:
                await exchange.stream(answered.status, answered.headers, answered.wire.pieces())

        async with listening(far, limits=limits) as (_, port):
            there = upstream(port, limits=limits)
            async with listening(near, limits=limits) as (_, door):
                tracemalloc.start()
                head, got = Head("POST", "/", ((b"content-length", b"%d" % size),)), 0
                async with upstream(door, limits=limits).ask(head, drawn()) as answered:
                    async for piece in answered.wire.pieces():
                        got += len(piece)
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
                return got, peak

    got, peak = run(main)
    assert got == size
    assert peak < 4 << 20


def raw(port: int, text: bytes, context: ssl.SSLContext | None = None) -> bytes:
    """Say something to a port and return what it answers until it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=LONG) as sock:
        talk = context.wrap_socket(sock, server_hostname="127.0.0.1") if context else sock
        with talk, suppress(ConnectionError):
            talk.sendall(text)
            talk.settimeout(LONG)
            return b"".join(iter(lambda: talk.recv(4096), b""))
    return b""


def told(handle: Handler, text: bytes, limits: Limits = LIMITS) -> bytes:
    """Run a server and return what it answers to a text."""

    async def main() -> bytes:
        async with listening(handle, limits=limits) as (_, port):
            return await asyncio.to_thread(raw, port, text)

    return run(main)


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait a second for those who never hang up."""
    monkeypatch.setattr(wire, "LINGER", 0.1)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Content-Length: 1048577\r\n", b"413"),
        (b"Transfer-Encoding: chunked\r\n", b"411"),
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"411"),
    ],
)
def test_an_unfit_body_is_refused_before_it_is_read(headers: bytes, status: bytes) -> None:
    async def never(exchange: Exchange) -> None:
        raise AssertionError("it was passed on")

    answer = told(never, b"POST / HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n" + b"5\r\nhello\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"isofed-refused: 1" in answer and b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    "text",
    [
        b"no http at all\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        b"POST /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_hung_up_on(text: bytes) -> None:
    async def never(exchange: Exchange) -> None:
        raise AssertionError("it was passed on")

    assert told(never, text) == b""


def test_who_dawdles_is_hung_up_on() -> None:
    text = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel"
    assert told(echo, text, Limits(patience=0.2)).startswith(b"HTTP/1.1 503")
    assert told(echo, b"POST / HT", Limits(idle=0.2)) == b""


def test_two_values_of_a_header_are_none() -> None:
    assert header(((b"a", b"1"), (b"b", b"2")), b"a") == b"1"
    assert header(((b"a", b"1"), (b"a", b"2")), b"a") == b""
    assert header((), b"a") == b""


def test_what_concerns_a_connection_is_not_passed_on() -> None:
    seen: list[Head] = []

    async def handle(exchange: Exchange) -> None:
        seen.append(exchange.head)
        await exchange.answer(200, b"")

    text = b"GET /a?b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTE: t\r\nX-Mine: 1\r\n\r\n"
    assert told(handle, text).startswith(b"HTTP/1.1 200")
    assert seen == [Head("GET", "/a?b", ((b"x-mine", b"1"),))]


def test_a_refusal_carries_its_sentence() -> None:
    async def handle(exchange: Exchange) -> None:
        raise Refused(403, "not you")

    async def main() -> None:
        async with listening(handle) as (_, port):
            head = Head("POST", "/", ((b"content-length", b"3"),))
            async with upstream(port).ask(head, b"abc") as answered:
                assert answered.status == 403 and header(answered.headers, REFUSED) == b"1"
                assert await answered.read(100) == b"not you"

    run(main)


def test_a_long_answer_is_cut_off() -> None:
    async def handle(exchange: Exchange) -> None:
        await exchange.answer(200, bytes(2 << 20))

    async def main() -> None:
        async with listening(handle) as (_, port):
            with pytest.raises(Refused, match="more than 1048576 bytes"):
                await asked(upstream(port))

    run(main)


def test_a_connection_that_was_cut_is_replaced_where_the_body_is_at_hand() -> None:
    calls = []

    async def handle(exchange: Exchange) -> None:
        calls.append(await exchange.read(100))
        if len(calls) == 2:
            return exchange.wire.cut()
        await exchange.answer(200, b"")

    async def main() -> None:
        async with listening(handle) as (_, port):
            there = upstream(port)
            assert (await asked(there, b"1"))[0] == 200
            assert (await asked(there, b"2"))[0] == 200

    run(main)
    assert calls == [b"1", b"2", b"2"]


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", b"what?\r\n\r\n"]
)
def test_a_server_that_breaks_off_is_unreachable(said: bytes) -> None:
    async def main() -> None:
        async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.write(said)
            writer.close()

        async with await asyncio.start_server(break_off, "127.0.0.1", 0) as server:
            with pytest.raises(Unreachable):
                await asked(upstream(server.sockets[0].getsockname()[1]))

    run(main)


def test_nobody_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match="does not answer"):
        run(lambda: asked(upstream(port)))


def test_a_client_goes_on_waiting_while_it_is_told_to() -> None:
    """Flower's client gives up after 30 s without a word; status 102 is one."""

    def trial(pace: int) -> None:
        async def handle(exchange: Exchange) -> None:
            async with exchange.waiting(0.1 * pace):
                await asyncio.sleep(1.0 * pace)
            await exchange.answer(200, b"there")

        assert run(lambda: posted(handle, 0.4 * pace)) == "there"

    at_some_pace(trial)


async def posted(handle: Handler, patience: float) -> str:
    """Return what a client is answered that waits so many seconds for a word."""
    async with listening(handle) as (_, port):
        patient = httpx.Timeout(LONG, read=patience)
        url = f"http://127.0.0.1:{port}/"
        return (await asyncio.to_thread(httpx.post, url, content=b"", timeout=patient)).text


def test_without_that_word_it_gives_up() -> None:
    async def handle(exchange: Exchange) -> None:
        await asyncio.sleep(LONG)

    with pytest.raises(httpx.ReadTimeout):
        run(lambda: posted(handle, 0.4))


def test_a_held_conversation_can_be_ended_at_once() -> None:
    held = asyncio.Event()

    async def handle(exchange: Exchange) -> None:
        held.set()
        await asyncio.sleep(10 * LONG)

    async def main() -> None:
        async with listening(handle) as (server, port):
            task = asyncio.ensure_future(asked(upstream(port, limits=Limits(patience=10 * LONG))))
            await held.wait()
            server.drop(lambda peer: peer.address == "127.0.0.1")
            with pytest.raises(Unreachable):
                await asyncio.wait_for(task, LONG)

    run(main)


def test_too_many_connections_are_hung_up_on() -> None:
    said: Said = []

    async def main() -> None:
        async with listening(echo, limits=Limits(connections=2, idle=LONG), said=said) as (_, port):
            talks = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            assert await talks[2][0].read() == b""
            for _, writer in talks:
                writer.close()

    run(main)
    assert [why for _, why in said] == ["too many connections at a time"]


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Two authorities: certificates of a server and of sites."""
    root, files = tmp_path_factory.mktemp("tls"), {}
    for name in ("ours", "theirs"):
        authority = certificates.new_authority(new_key(), name)
        keep(root / f"{name}.pem", authority.pem)
        key = new_key()
        signed = {
            "server": certificates.for_server(authority, key.public_key(), []),
            "site": certificates.for_site(authority, key.public_key(), "site"),
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(certificates, "EARLY", timedelta(days=3))
            signed["old"] = certificates.for_site(authority, key.public_key(), "site", days=-1)
        for who, pem in signed.items():
            keep(root / f"{name}-{who}.pem", pem + for_tls(key))
    for path in root.glob("*.pem"):
        files[path.stem] = path
    yield files


def shown(files: dict[str, Path], trust: str, certificate: str | None) -> ssl.SSLContext:
    """Return a client's TLS."""
    both = files[certificate] if certificate else None
    return certificates.client_context(files[trust], both, both)


def own(files: dict[str, Path]) -> ssl.SSLContext:
    """Return the TLS of a server that wants a certificate."""
    return certificates.server_context(files["ours-server"], files["ours-server"], files["ours"])


def met(
    files: dict[str, Path], call: Callable[[int], Awaitable[Any]], noted: bool = True
) -> tuple[Any, Said]:
    """Let a call meet a server that wants a certificate; return what it got or raised, and what was noted."""
    said: Said = []

    async def main() -> Any:
        async with listening(echo, own(files), said=said) as (_, port):
            try:
                return await call(port)
            except (Unreachable, OSError) as error:
                return error
            finally:
                await asyncio.sleep(0.1)
                async with asyncio.timeout(LONG):
                    while noted and not said:
                        await asyncio.sleep(0.01)

    return run(main), said


def test_a_certificate_of_the_authority_is_let_in(authorities: dict[str, Path]) -> None:
    got, said = met(
        authorities, lambda port: asked(upstream(port, shown(authorities, "ours", "ours-site")), b"hi"), False
    )
    assert got == (200, b"hi") and said == []


@pytest.mark.parametrize(
    ("certificate", "why"),
    [
        (None, "showed no certificate"),
        ("theirs-site", "another authority"),
        ("ours-old", "has expired"),
        ("ours-server", "not meant for this"),
    ],
)
def test_another_certificate_is_not(authorities: dict[str, Path], certificate: str | None, why: str) -> None:
    context = shown(authorities, "ours", certificate)
    got, said = met(authorities, lambda port: asked(upstream(port, context), b"hi"))
    assert isinstance(got, Unreachable)
    assert [peer.address for peer, _ in said] == ["127.0.0.1"] and why in said[0][1]


@pytest.mark.parametrize("text", [b"POST / HTTP/1.1\r\n\r\n", b"\x00" * 100], ids=["http", "zeros"])
def test_without_tls_nobody_is_let_in(authorities: dict[str, Path], text: bytes) -> None:
    got, said = met(authorities, lambda port: asyncio.to_thread(raw, port, text))
    assert b"HTTP" not in got and "without TLS" in said[0][1]


def test_an_older_tls_is_not_spoken(authorities: dict[str, Path]) -> None:
    context = shown(authorities, "ours", "ours-site")
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    got, said = met(authorities, lambda port: asked(upstream(port, context)))
    assert isinstance(got, Unreachable) and "before 1.3" in said[0][1]


def test_a_server_of_another_authority_or_name_is_not_spoken_to(authorities: dict[str, Path]) -> None:
    got, _ = met(authorities, lambda port: asked(upstream(port, shown(authorities, "theirs", "theirs-site"))))
    assert "another authority" in str(got)
    context = shown(authorities, "ours", "ours-site")
    got, _ = met(
        authorities, lambda port: asked(Upstream("127.0.0.1", port, "elsewhere.org", lambda: context, LIMITS))
    )
    assert "another host" in str(got)


def test_one_certificate_has_a_few_connections_at_a_time(authorities: dict[str, Path]) -> None:
    said: Said = []
    context = shown(authorities, "ours", "ours-site")

    async def main() -> None:
        async with listening(echo, own(authorities), Limits(each=2, handshake=LONG), said) as (_, port):
            there = [upstream(port, context, Limits(handshake=LONG)) for _ in range(3)]
            for one in there[:2]:
                await asked(one, b"")
            with pytest.raises(Unreachable):
                await asked(there[2], b"")

    run(main)
    assert [why for _, why in said] == ["too many connections at a time"]


def test_a_value_from_files_is_made_anew_when_one_changes(tmp_path: Path) -> None:
    path, reads = tmp_path / "a", []

    def read() -> int:
        reads.append(1)
        return int(path.read_text())

    path.write_text("1")
    fresh = Fresh((path,), read)
    assert (fresh(), fresh()) == (1, 1) and len(reads) == 1
    path.write_text("22")
    assert (fresh(), fresh()) == (22, 22) and len(reads) == 2
    path.write_text("half")
    assert fresh() == 22  # a file that is not whole yet changes nothing
    path.write_text("3")
    assert fresh() == 3
    with pytest.raises(ValueError):
        Fresh((path,), lambda: int("x"))()


def test_a_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    log = Lines(tmp_path / "log" / "a.jsonl", most=1000)
    for number in range(90):
        log.write(number=number)
    sizes = [path.stat().st_size for path in (tmp_path / "log").iterdir()]
    assert len(sizes) == 2 and max(sizes) < 1200
    assert '"number": 89' in (log.path.read_text() + log.path.with_name("a.jsonl.old").read_text())
