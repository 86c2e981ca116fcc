"""The ``clients`` group: its choices, its file of who is there when, and what of it needs no real sites."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isofed.errors import CompositionError, ConfigError

HEADER = ["site", "from", "to"]
TRACE = "trace"


def with_trace(clients: Mapping[str, Any]) -> dict[str, Any]:
    """Return the group with the windows of its trace file, so that a run that goes on needs no file.

    Raises:
        ConfigError: there is no such file, or it is none of lines ``site,from,to``.
    """
    trace = clients.get(TRACE)
    return {**clients, TRACE: read_trace(Path(trace).expanduser())} if isinstance(trace, str) else {**clients}


def read_trace(path: Path) -> dict[str, list[list[int | None]]]:
    """Return by site its windows, from the lines of a CSV file with the heading ``site,from,to``.

    Args:
        path: of the file; rounds count from 1, both ends are in, and an empty ``to`` is for ever.

    Raises:
        ConfigError: see :func:`with_trace`.
    """
    try:
        heading, *lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"'clients.trace' is '{path}', which cannot be read as CSV text with the heading site,from,to "
            f"({type(error).__name__}); give the path of one"
        ) from None
    found: dict[str, list[list[int | None]]] = {}
    if [word.strip() for word in heading] != HEADER:
        raise ConfigError(f"'{path}' begins with '{','.join(heading)}', but must begin with 'site,from,to'")
    for number, line in enumerate(lines, 2):
        if line:
            site, window = _window(path, number, [word.strip() for word in line])
            found.setdefault(site, []).append(window)
    return found


def real(clients: Any) -> None:
    """Refuse what only a simulation can do: real sites come, go and are slow by themselves.

    Args:
        clients: how the sites differ, or None.

    Raises:
        CompositionError: one sentence.
    """
    for key in clients.at_work if clients else ():
        if key in INSTEAD:
            raise CompositionError(
                f"clients.{key} plays what real sites do by themselves; {INSTEAD[key]}, or leave it out"
            )


KINDS = {
    "even": "all sites alike, always there and in time",
    "uneven": "nothing by itself: what its options say, see isofed list clients uneven",
    "stragglers": "sites of different pace, and a deadline in virtual time",
    "dropouts": "a fifth of those asked gives no reply",
    "steps": "each site takes between a fifth and all of its steps",
    "late": "half of the sites join after the first round",
    "weighted": "with cohort=M: some sites are drawn far more often",
}
"""What can be written after ``clients=``: the files of simulations/conf/clients."""

INSTEAD = {
    "trace": "a round begins without a site that is not there by engine.absent",
    "deadline": "write engine.deadline, in seconds",
    "dropouts": "say by engine.minimum how many replies a round needs",
}


def _window(path: Path, number: int, words: list[str]) -> tuple[str, list[int | None]]:
    if len(words) == 3 and words[0] and words[1].isdecimal() and (words[2].isdecimal() or not words[2]):
        return words[0], [int(words[1]), int(words[2]) if words[2] else None]
    raise ConfigError(
        f"line {number} of '{path}' is '{','.join(words)}', but must be a site's name, the first round and "
        "the last one, such as cam1,3,8"
    )
