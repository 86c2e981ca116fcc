"""The line with which an operator invites a site: where the server is, who it is, a secret used once."""

import base64
import hashlib
import json
import re
import secrets
from dataclasses import asdict, dataclass, field

from isofed.config import read, within
from isofed.errors import ConfigError, IsofedError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}\Z")
_HEAD, _LONGEST, _CHECK = "isofed-", 2000, 4


@dataclass(frozen=True)
class Invitation:
    """What a token says.

    Args:
        host: the name or address of the server.
        enrolment_port: where a site applies.
        gateway_port: where it sends its messages later.
        ca_sha256: SHA-256 of the authority's certificate, 64 hexadecimal digits: the site trusts no other.
        name: of the site, as its layout names it and as in its certificate: letters, digits, ``_``
            and ``-``, at most 40.
        secret: admits one application; the server keeps its SHA-256 alone.
    """

    host: str
    enrolment_port: int
    gateway_port: int
    ca_sha256: str
    name: str
    secret: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be one."""
        checked_name(self.name)
        within("enrolment_port", self.enrolment_port, 1, 65535)
        within("gateway_port", self.gateway_port, 1, 65535)
        if not re.fullmatch("[0-9a-f]{64}", self.ca_sha256):
            raise ConfigError("'ca_sha256' must have 64 hexadecimal digits")

    def token(self) -> str:
        """Write the line; the last bytes tell a damaged one."""
        body = json.dumps(list(asdict(self).values()), separators=(",", ":")).encode()
        return _HEAD + base64.urlsafe_b64encode(body + _check(body)).decode().rstrip("=")


def parse(token: str) -> Invitation:
    """Read a token, with blanks and line breaks in it as copying leaves them.

    Raises:
        ConfigError: it is none, or was cut or altered.
    """
    text = "".join(token.split())
    if not text.startswith(_HEAD):
        raise ConfigError(
            f"this is no token: one begins with '{_HEAD}'; the operator gets it from 'isofed server invite'"
        )
    try:
        return _opened(text[len(_HEAD) :])
    except (ValueError, TypeError, RecursionError, IsofedError):
        raise ConfigError("the token is damaged or cut; copy the whole line again") from None


def _opened(text: str) -> Invitation:
    if len(text) > _LONGEST:
        raise ValueError("too long")
    # the alphabet is checked here, because the decoder passes over what it does not know
    if not re.fullmatch("[A-Za-z0-9_-]*", text):
        raise ValueError("not base64")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    body, check = raw[:-_CHECK], raw[-_CHECK:]
    if _check(body) != check:
        raise ValueError("not whole")
    names = Invitation.__dataclass_fields__
    return read(Invitation, dict(zip(names, json.loads(body), strict=True)), "token")


def checked_name(name: str) -> str:
    """Return a site's name, if it can be one: it is also a file's and a certificate's."""
    if not NAME.match(name):
        raise ConfigError(
            f"'{name[:60]}' cannot name a site: use letters, digits, '_' and '-', at most 40, "
            "the first a letter or digit"
        )
    return name


def new_secret() -> str:
    """Draw what a token is worth: 24 random bytes."""
    return secrets.token_urlsafe(24)


def hashed(secret: str) -> str:
    """Return what the server keeps of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _check(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:_CHECK]
