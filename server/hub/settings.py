"""hub.toml: where a deployed server listens, and under which name the sites reach it."""

import json
import re
import tomllib
from dataclasses import asdict, dataclass
from ipaddress import ip_address

from isofed.config import read, within
from isofed.errors import ConfigError
from isofed.protocols.keys import keep
from isofed.server.hub.folder import HubFolder

_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\Z"
)
_TOLD = {
    "name": "what the authority is called in its certificate",
    "host": "the name or address under which sites reach this server; it stands in the certificate",
    "listen": "the address at which gateway and enrolment listen: 127.0.0.1 for this machine alone",
    "gateway_port": "published: messages, mutual TLS",
    "enrolment_port": "published: joining and renewing, TLS",
    "superlink_port": "loopback only: Flower's SuperLink",
}


@dataclass(frozen=True)
class HubSettings:
    """What an operator decides about a server.

    Args:
        host: a DNS name or an address; sites must be able to reach it.
        name: of the federation; the host's if not given.
        listen: an address of this machine, ``0.0.0.0`` for all of them.
        gateway_port: 1 to 65535, as the other two; all different.
        enrolment_port: where sites join.
        superlink_port: on 127.0.0.1.
    """

    host: str
    name: str = ""
    listen: str = "127.0.0.1"
    gateway_port: int = 9443
    enrolment_port: int = 9444
    superlink_port: int = 9441

    def __post_init__(self) -> None:
        """Refuse what no server can have."""
        if not self.name:
            object.__setattr__(self, "name", self.host[:64])
        if not _address(self.host) and not _HOST.match(self.host):
            raise ConfigError(
                f"'host' is '{self.host}', but must be a host name such as hub.example.org, or an address"
            )
        if not _address(self.listen):
            raise ConfigError(f"'listen' is '{self.listen}', but must be an address such as 0.0.0.0")
        if not 1 <= len(self.name) <= 64 or not self.name.isprintable():
            raise ConfigError("'name' must have 1 to 64 printable letters")
        ports = {key: getattr(self, key) for key in ("gateway_port", "enrolment_port", "superlink_port")}
        for key, port in ports.items():
            within(key, port, 1, 65535)
        if len(set(ports.values())) < 3:
            raise ConfigError(
                f"two ports are the same ({', '.join(map(str, ports.values()))}); give three different ones"
            )

    @property
    def superlink(self) -> str:
        """Where Flower's SuperLink is: host and port."""
        return f"127.0.0.1:{self.superlink_port}"

    @property
    def enrolment(self) -> str:
        """At what the enrolment service listens."""
        return at(self.listen, self.enrolment_port)

    @property
    def gateway(self) -> str:
        """At what the gateway listens."""
        return at(self.listen, self.gateway_port)


def write_settings(folder: HubFolder, settings: HubSettings) -> None:
    """Write hub.toml, each key with a word of what it is."""
    # a JSON string or integer is a TOML one
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}  # {_TOLD[key]}"
        for key, value in asdict(settings).items()
    ]
    keep(folder.settings, ("\n".join(lines) + "\n").encode())


def read_settings(folder: HubFolder) -> HubSettings:
    """Read hub.toml.

    Raises:
        ConfigError: the folder is no server's, or a key or value is not one that we know.
    """
    try:
        values = tomllib.loads(folder.settings.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{folder.root} is no server's folder: it has no hub.toml; "
            f"make it with 'isofed server init {folder.quoted} --host NAME'"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{folder.settings} cannot be read: {error}; mend it by hand") from None
    return read(HubSettings, values, "hub.toml")


def _address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def at(address: str, port: int) -> str:
    """Return host and port as they stand in a URL."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
