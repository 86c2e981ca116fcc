"""What the pages tell to type after `isofed simulate` is taken, as far as nobody's own files are named."""

import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from isofed.errors import IsofedError
from isofed.simulations.command import check
from isofed.simulations.overrides import SWEEP, own_strategy

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/**/*.md", "tasks/*/README.md")
COMMAND = re.compile(r"(?:`|^ *)isofed simulate ((?:--multirun )?\w[\w.]*=[^`|#\n]*)", re.MULTILINE)
OWN = re.compile(r"=[A-Z]{2,}|=\S*/|\.pt|\.py|…|\.\.\.")  # somebody's own file or folder, or what is left out


def told() -> Iterator[str]:
    """Yield every such command, without those that need somebody's own files."""
    for page in sorted({path for pattern in PAGES for path in ROOT.glob(pattern)}):
        yield from (found for found in COMMAND.findall(page.read_text()) if not OWN.search(found))


@pytest.mark.slow
def test_what_a_page_tells_to_type_is_taken() -> None:
    commands = sorted(set(map(str.strip, told())))
    assert len(commands) > 15, commands
    ray = find_spec("ray") is not None
    for command in commands:
        words = shlex.split(command)
        if "engine=ray" in words and not ray:
            continue
        given = own_strategy([word for word in words if word not in SWEEP])
        try:
            check(given, multirun=len(given) < len(words))
        except IsofedError as error:
            pytest.fail(f"isofed simulate {command}: {error}")
