"""site.toml: who a deployed site is, where its data lie, where it computes and where its server is."""

import re
from dataclasses import dataclass
from pathlib import Path

from isofed.client.site.toml import load, save
from isofed.config import within
from isofed.errors import ConfigError
from isofed.protocols.levels import LEVELS, LevelOptions
from isofed.suggest import pick

ROLES = ("trainer", "evaluator")
SITE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
DEVICE = re.compile(r"cpu|cuda(:[0-9]+)?")
PORTS = ("gateway_port", "enrolment_port", "connector_port", "supernode_port")
COMMENTS = {
    "name": "as the data layout names its sites, such as cam1; also the certificate's",
    "task": "see isofed list tasks",
    "layout": "of the data, see isofed list layouts",
    "root": "folder of the data; it holds only what belongs to this site",
    "level": "privacy level that the site agrees to",
    "role": "trainer, or evaluator with the benchmark's test data alone",
    "entity": "institution, for the operator; free text",
    "min_images": "no image may make up more than 1/min_images of an identity centre",
    "centres": "whether identity centres may leave: level, none, plain, with_rows",
    "device": "cpu, cuda, cuda:1 and so on",
    "threads": "of torch; equal bits need an equal number everywhere",
    "weights": "file of public pre-trained weights, for what never travels; empty for none",
    "host": "the server's; the invitation fills it in",
    "gateway_port": "the server's gateway",
    "enrolment_port": "the server's enrolment",
    "connector_port": "on this machine's loopback",
    "supernode_port": "on this machine's loopback",
}


@dataclass(frozen=True)
class Settings:
    """A deployed site.

    Args:
        name: letters, digits, ``_`` and ``-``, at most 40.
        task: of the runs it takes part in.
        layout: of its data.
        root: folder of its data; absolute.
        level: the privacy level that it agrees to.
        role: ``trainer`` or ``evaluator``.
        entity: the institution, in free text of at most 80 characters; the operator sees it.
        min_images: 1 to 1,000,000, as in :class:`isofed.protocols.levels.LevelOptions`.
        centres: as there.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        threads: of torch, 1 to 1024.
        weights: file of public pre-trained weights; empty for none.
        host: the server's name or address; empty until the site joins.
        gateway_port, enrolment_port: the server's, 1 to 65535.
        connector_port, supernode_port: this machine's, on loopback, 1 to 65535, not the same.

    Raises:
        ConfigError: a value that is none of these.
    """

    name: str
    task: str
    layout: str
    root: str
    level: str = "camera"
    role: str = ROLES[0]
    entity: str = ""
    min_images: int = 2
    centres: str = "level"
    device: str = "cpu"
    threads: int = 1
    weights: str = ""
    host: str = ""
    gateway_port: int = 9443
    enrolment_port: int = 9444
    connector_port: int = 9451
    supernode_port: int = 9452

    def __post_init__(self) -> None:
        pick("level", self.level, LEVELS)
        pick("role", self.role, dict.fromkeys(ROLES))
        LevelOptions(self.min_images, self.centres)
        within("threads", self.threads, 1, 1024)
        for port in PORTS:
            within(port, getattr(self, port), 1, 65535)
        self._refuse_odd()

    def _refuse_odd(self) -> None:
        for name, pattern, wanted in (
            ("name", SITE_NAME, "letters, digits, _ and -, at most 40, as in cam1"),
            ("device", DEVICE, "cpu, cuda or cuda:N"),
        ):
            if not pattern.fullmatch(getattr(self, name)):
                raise ConfigError(f"'{name}' is '{getattr(self, name)}', but must be {wanted}")
        for name in ("root", "weights"):
            given = getattr(self, name)
            if (name == "root" or given) and not Path(given).is_absolute():
                raise ConfigError(f"'{name}' is '{given}', but must be an absolute path")
        if self.connector_port == self.supernode_port:
            raise ConfigError("'supernode_port' is 'connector_port', too; give two different ones")
        if len(self.entity) > 80 or not self.entity.isprintable():
            raise ConfigError("'entity' must be one line of at most 80 characters")


def read_settings(path: Path) -> Settings:
    """Read site.toml.

    Raises:
        ConfigError: as :func:`isofed.client.site.toml.load`.
    """
    return load(path, Settings)


def write_settings(path: Path, settings: Settings) -> None:
    """Write site.toml, each key with what it means."""
    save(path, settings, "A deployed site. isofed site doctor checks it.", COMMENTS)
