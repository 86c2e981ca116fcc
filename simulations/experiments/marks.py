"""The place in a Markdown page that an experiment's result is written into."""

from pathlib import Path

from isofed.errors import ConfigError
from isofed.files import atomic

END = "<!-- experiment: end -->"


def begin(name: str) -> str:
    """Return the mark after which the result of an experiment stands."""
    return f"<!-- experiment: begin (isofed experiment {name} page=FILE writes what follows) -->"


def check(place: Path, name: str) -> None:
    """Refuse a page without the marks, before anything is run for it.

    Raises:
        ConfigError: it cannot be read, or has not both marks, once each and in order.
    """
    _parts(place, name)


def fill(place: Path, name: str, text: str) -> None:
    """Replace what stands between the marks; a reader sees the old page or the new one whole.

    Raises:
        ConfigError: as :func:`check`.
    """
    before, after = _parts(place, name)
    with atomic(place) as file:
        file.write(f"{before}{begin(name)}\n\n{text}\n\n{END}{after}".encode())


def _parts(place: Path, name: str) -> tuple[str, str]:
    try:
        text = place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    before, found, rest = text.partition(begin(name))
    _, ended, after = rest.partition(END)
    if not (found and ended) or begin(name) in after or END in before + after:
        raise ConfigError(
            f"page '{place}' has not the lines '{begin(name)}' and '{END}', once each; write them where the "
            "result shall stand"
        )
    return before, after
