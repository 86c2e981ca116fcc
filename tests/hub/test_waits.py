"""The documents name where Flower waits by file and line, of the Flower that is installed."""

import re
from importlib.util import find_spec
from pathlib import Path

import flwr
import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("deployment.md", "deployment/security.md", "deployment/speed.md")
HOME = Path(flwr.__file__).parent
WAITS = re.compile(r"sleep\(|\.wait\(|INITIAL_BACKOFF = 1\b|TIMESTAMP_TOLERANCE = 300\b|PUSH_SESSION_TTL")
# `file.py:263` or `file.py`, line 263, or lines 470 and 506
COLON, WORDS = (
    re.compile(r"`(?:flwr/)?([\w/]+\.py):(\d+)`"),
    re.compile(r"`(?:flwr/)?([\w/]+\.py)`,\s+lines? (\d+)(?: and (\d+))?"),
)


def named() -> list[tuple[str, int]]:
    """Return the files and lines of Flower that the documents name."""
    text = "\n".join((DOCS / page).read_text() for page in PAGES)
    found = COLON.findall(text) + [
        (file, line) for file, *lines in WORDS.findall(text) for line in lines if line
    ]
    return sorted({(file, int(line)) for file, line in found})


def test_the_documents_name_the_version() -> None:
    assert find_spec("flwr") is not None
    assert f"flwr {flwr.__version__}" in (DOCS / PAGES[0]).read_text()


def test_some_are_named() -> None:
    assert len(named()) >= 6


@pytest.mark.parametrize(("file", "line"), named())
def test_flower_waits_where_the_documents_say(file: str, line: int) -> None:
    exact = [HOME / file] if (HOME / file).exists() else []
    (path,) = exact or [p for p in HOME.rglob(Path(file).name) if p.as_posix().endswith(f"/{file}")]
    assert WAITS.search(path.read_text().splitlines()[line - 1])
