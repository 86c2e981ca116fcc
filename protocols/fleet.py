"""What passes between a SuperNode and a SuperLink: which paths, and the little that is read of a message.

Flower's messages are protocol buffers. Of a few fields the number is known here, so that neither gateway nor
connector loads Flower, which would double their memory; tests/protocols/test_fleet.py holds every number
against Flower's own classes.
"""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

from isofed.protocols.keys import Private, public_pem, sign_time
from isofed.protocols.relay.wire import Head, Headers, Refused

PREFIX = "/v1/fleet/"
PULL, PUSH = PREFIX + "pull-messages", PREFIX + "push-messages"
GET_OBJECT, PUT_OBJECT = PREFIX + "pull-object", PREFIX + "push-object"
ACTIVATE, CONFIRM, BUNDLE = PREFIX + "activate-node", PREFIX + "confirm-message-received", PREFIX + "get-fab"
BEAT, DEACTIVATE = PREFIX + "send-node-heartbeat", PREFIX + "deactivate-node"
# what is missing: to register and to unregister a node, which is the operator's
PATHS = frozenset(
    (PULL, PUSH, GET_OBJECT, PUT_OBJECT, ACTIVATE, DEACTIVATE, CONFIRM, BUNDLE, BEAT, PREFIX + "get-run")
)
ALIVE = "/isofed/alive"  # ours: a site's sign of life
KEY_HEADER = b"flwr-public-key"  # base64 of the key's PEM
TIME_HEADER = b"flwr-timestamp"  # what the key signs; the SuperLink takes it for five minutes
SIGNATURE_HEADER = b"flwr-signature"  # base64
BODY = 16 << 20  # bytes of any message; an object travels in pieces of 8 MiB, or of Flower's 5
SMALL = 1 << 20  # bytes of any message but an object and a bundle
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
Value = int | bytes


def check(head: Head) -> None:
    """Refuse what a site has no business to ask.

    Raises:
        Refused: another path than those of the fleet, or another method.
    """
    if head.path not in PATHS:
        raise Refused(404, "a path that is not published")
    if head.method != "POST":
        raise Refused(405, "a method that is not published")


def fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """Yield the number and value of each field of a message, in order.

    Raises:
        Refused: it is no protocol buffer.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value, at = _value(message, at, tag & 7)
        yield tag >> 3, value


def _value(message: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind == _VARINT:
        return _varint(message, at)
    if kind not in (_FIXED64, _BYTES, _FIXED32):
        raise _broken()
    size, at = _varint(message, at) if kind == _BYTES else ({_FIXED64: 8, _FIXED32: 4}[kind], at)
    if at + size > len(message):
        raise _broken()
    return message[at : at + size], at + size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        if at + place >= len(message):
            break
        byte = message[at + place]
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value & (2**64 - 1), at + place + 1
    raise _broken()


def _broken() -> Refused:
    return Refused(400, "a message that cannot be read")


def _all(message: bytes, *path: int) -> Iterator[Value]:
    """Yield the values of a field, by its numbers from the outside to the inside."""
    for number, value in fields(message):
        if number == path[0]:
            if len(path) == 1:
                yield value
            elif isinstance(value, bytes):
                yield from _all(value, *path[1:])
            else:
                raise _broken()


def _text(message: bytes, *path: int) -> str:
    found = [value for value in _all(message, *path) if isinstance(value, bytes)]
    # of a field that stands there twice the last one counts
    return found[-1].decode("utf-8", "replace") if found else ""


def pulled(answer: bytes) -> str:
    """Return the number of the message that an answer to :data:`PULL` brings, empty where it brings none."""
    return _text(answer, 2, 1, 2)


def round_of(answer: bytes) -> str:
    """Return the round that the message of an answer to :data:`PULL` is about, as it says."""
    return _text(answer, 2, 1, 6)


def senders(request: bytes) -> set[int]:
    """Return whose replies a request to :data:`PUSH` holds: numbers of nodes, 0 where one does not say.

    A number that stands there twice counts twice, whichever of the two a reader of Flower's would take.
    """
    each = [value for value in _all(request, 2) if isinstance(value, bytes)]
    told = [[int(value) for value in _all(one, 1, 3) if isinstance(value, int)] for one in each]
    return {number for numbers in told for number in numbers or (0,)}


def confirmed(request: bytes) -> str:
    """Return the message that a request to :data:`CONFIRM` says to have come whole."""
    return _text(request, 3)


def still_coming(answer: bytes) -> bool:
    """Tell whether an answer to :data:`GET_OBJECT` says that the object is known and not there yet."""
    known = dict(fields(answer))
    return bool(known.get(1)) and not known.get(2)


def bundle_of(answer: bytes) -> str:
    """Return the SHA-256 of the bundle in an answer to :data:`BUNDLE`, empty where it holds none."""
    found = [value for value in _all(answer, 1, 2) if isinstance(value, bytes)]
    return hashlib.sha256(b"".join(found)).hexdigest() if len(found) == 1 else ""


def as_node(key: Private, now: float) -> Headers:
    """Return the headers with which a node says who it is.

    Args:
        key: the node's.
        now: seconds since 1970.
    """
    stamp = datetime.fromtimestamp(now, UTC).isoformat()
    pem = public_pem(key.public_key()).encode()
    return (
        (b"content-type", b"application/protobuf"),
        (KEY_HEADER, base64.b64encode(pem)),
        (TIME_HEADER, stamp.encode()),
        (SIGNATURE_HEADER, base64.b64encode(sign_time(key, stamp))),
    )


def signing_off(key: Private, node: int, now: float) -> tuple[Head, bytes]:
    """Return the request by which a node says that it is going, for one that died before it could.

    Args:
        key: the node's.
        node: its number, 1 to 2**64 - 1.
        now: seconds since 1970.
    """
    body = b"\x08" + bytes(_digits(node))
    headers = (*as_node(key, now), (b"content-length", b"%d" % len(body)))
    return Head("POST", DEACTIVATE, headers), body


def _digits(value: int) -> Iterator[int]:
    """Yield a number as a protocol buffer writes it: seven bits a byte, the lowest first."""
    while value > 127:
        yield value & 127 | 128
        value >>= 7
    yield value
