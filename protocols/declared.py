"""A level that the owner of data declares beside them: the data are used under it or under a stricter one."""

from pathlib import Path

from isofed.errors import CompositionError, DataError
from isofed.files import atomic
from isofed.protocols.levels import LEVELS, STRICTNESS
from isofed.suggest import pick

FILE = "isofed-level.txt"


def declare(folder: Path, level: str) -> None:
    """Write down, beside the data in ``folder``, the least strict level under which they may be used.

    Raises:
        ConfigError: there is no such level.
        DataError: ``folder`` is no folder, or cannot be written into.
    """
    pick("level", level, LEVELS)
    if not folder.is_dir():
        raise DataError(f"'{folder}' is not a folder; name the one that holds the data")
    try:
        with atomic(folder / FILE) as file:
            file.write(f"{level}\n".encode())
    except OSError as error:
        raise DataError(
            f"'{folder / FILE}' cannot be written ({error.strerror}); ask whoever may write there"
        ) from None


def declared(folder: Path) -> str | None:
    """Return the level declared beside the data in ``folder``, or None.

    Raises:
        DataError: the declaration cannot be understood, so nothing may be done with the data.
    """
    try:
        text = (folder / FILE).read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        text = ""
    if text not in LEVELS:
        raise DataError(
            f"{FILE} beside the data names no privacy level; expected one of {', '.join(STRICTNESS)}: "
            "write it again with isofed declare LEVEL DIR"
        )
    return text


def refuse(level: str, asked: str | None) -> None:
    """Raise CompositionError if data declared for ``asked`` would be used under a weaker level."""
    if asked is None:
        return
    pick("declared", asked, LEVELS)
    if STRICTNESS.index(level) < STRICTNESS.index(asked):
        raise CompositionError(
            f"the data are declared for protocol '{asked}', but the run's protocol is '{level}', which is "
            f"weaker; write protocol={asked}, or ask the owner of the data to declare another level"
        )
