"""What a site's processes tell each other: which worker it is, and what it is at."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from isofed.client.site.folder import SiteFolder
from isofed.files import write_json

FILE = "state.json"


@dataclass(frozen=True)
class State:
    """A worker as the site's other processes, and the server's operator, see it.

    Args:
        incarnation: another one each time that a worker starts: what it was asked before is not answered.
        process: its number on this machine.
        run: that it answered last, or answers.
        round: likewise.
        busy: whether it is at work on a message.
    """

    incarnation: str = field(default_factory=lambda: secrets.token_hex(8))
    process: int = field(default_factory=os.getpid)
    run: str = ""
    round: int = 0
    busy: bool = False

    def at(self, run: str, round: int) -> "State":
        """Return this worker at work."""
        return replace(self, run=run, round=round, busy=True)

    def done(self) -> "State":
        """Return this worker with nothing to do."""
        return replace(self, busy=False)


def path(folder: SiteFolder) -> Path:
    """Return where the state is written."""
    return folder.root / FILE


def write_state(folder: SiteFolder, state: State) -> None:
    """Write the state down, whole or not at all."""
    write_json(path(folder), asdict(state))


def read_state(folder: SiteFolder) -> State | None:
    """Return what the worker wrote last, or None where there never was one."""
    try:
        return State(**json.loads(path(folder).read_text()))
    except (OSError, ValueError, TypeError):
        return None
