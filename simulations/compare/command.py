"""``isofed compare``: runs side by side."""

from pathlib import Path

from isofed.errors import ConfigError
from isofed.simulations.compare.write import PAGE, compare, text
from isofed.suggest import unknown

HELP = """isofed compare: finished runs side by side, those that differ in their seeds alone together

  isofed compare DIR              the runs of a --multirun; writes into DIR
  isofed compare RUN RUN DIR      any runs; writes into the folder where you stand
  isofed compare DIR --out FOLDER

Prints a table and writes compare.html (curves, bars, differences seed by seed, one file) and
compare.json. Unfinished runs are named and left out.
"""


def main(argv: list[str]) -> int:
    """Run ``isofed compare`` and return its exit code."""
    if "--help" in argv or "-h" in argv:
        print(HELP)
        return 0
    folders, out = _words(argv)
    if not folders:
        raise ConfigError("name the folders to compare: isofed compare DIR [DIR...]")
    place = out or (folders[0] if len(folders) == 1 else Path())
    try:
        tell(folders, place)
    except OSError as error:
        raise ConfigError(
            f"cannot use '{error.filename}' ({error.strerror}); name another with --out"
        ) from None
    return 0


def tell(folders: list[Path], out: Path) -> None:
    """Compare, print the table and say where the page is."""
    print(text(compare(folders, out)))
    print(f"\ncomparison: {out / PAGE}")


def _words(argv: list[str]) -> tuple[list[Path], Path | None]:
    """Return the folders and what follows ``--out``."""
    folders: list[Path] = []
    out: Path | None = None
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if name == "--out":
            given = value if equals else next(words, "")
            if not given:
                raise ConfigError("--out must be followed by a folder")
            out = Path(given).expanduser()
        elif word.startswith("-"):
            raise unknown("option", word, ["--out", "--help"])
        else:
            folders.append(Path(word).expanduser())
    return folders, out
