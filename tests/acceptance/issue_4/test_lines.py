"""lines.py: what it counts, that it finds a second file, and that the docs state what it finds."""

import re
from pathlib import Path
from typing import Any

import lines
import pytest

from isofed.strategies.named import STRATEGIES

DOCS = lines.ROOT / "docs" / "strategies.md"
STATED = re.compile(r"at most (\d+) lines of code each[^.]*touches (\d+) file\b")
FAMILY = '''"""A family."""

import functools

STEP = 0.1  # of nobody


@functools.cache
def long(
    lr=STEP,
):
    """Sentence.

    More.
    """
    # a comment
    text = """two
    lines"""

    return _shared(lr, text)  # with a comment


def short():
    return _other()


def unlisted():
    return 0


def _shared(*values):
    """Sentence."""
    return _other() and values


def _other():
    return 1


NAMED = {
    "long": long,
    "quick": short,
    "foreign": print,
}
'''


def test_lines_of_code_alone_are_counted(tmp_path: Path) -> None:
    (tmp_path / "family.py").write_text(FAMILY)
    found = lines.count(tmp_path)
    # long: decorator 1, signature 3, body 3, _shared 2, _other 2, row 1; short: 2, _other 2, row 1
    assert found == [lines.Algorithm("long", 12, "family.py"), lines.Algorithm("quick", 5, "family.py")]


def test_one_that_is_too_long_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    short, long = lines.Algorithm("short", 15, "a.py"), lines.Algorithm("long", 16, "a.py")
    assert lines.told([short])
    assert not lines.told([short, long])
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows if "FAILS" in row] == ["long"]
    assert rows[-1] == "2 algorithms, maximum 16 lines, allowed 15"


def test_every_algorithm_is_counted_and_short() -> None:
    found = lines.count(lines.ROOT / lines.NAMED)
    assert [each.name for each in found] == sorted(STRATEGIES)
    assert {each.name: each.lines for each in found if each.lines > lines.MOST_LINES} == {}


def test_the_docs_state_what_is_counted() -> None:
    stated = STATED.search(" ".join(DOCS.read_text(encoding="utf-8").split()))
    assert stated, f"docs/strategies.md must say: {STATED.pattern}"
    most, files = map(int, stated.groups())
    assert max(each.lines for each in lines.count(lines.ROOT / lines.NAMED)) <= most <= lines.MOST_LINES
    assert files == lines.MOST_FILES


def test_a_second_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def two(path: Path) -> None:
        path.write_text(path.read_text() + "# one\n")
        (path.parents[2] / "README.md").write_text("two")

    monkeypatch.setattr(lines, "tried", lambda root, run: [("a command", True, "")])
    monkeypatch.setattr(lines, "add", two)
    assert not lines.touched(tmp_path)
    assert "touched to add one: 2 (README.md, strategies/named/averaging.py)" in capsys.readouterr().out


def test_a_command_that_fails_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(lines, "tried", lambda root, run: [("a command", False, "no such thing")])
    assert not lines.touched(tmp_path)
    said = capsys.readouterr().out
    assert "a command: FAILS: no such thing" in said and "add one: 1 (strategies/named/averaging.py)" in said


@pytest.mark.slow
def test_the_script_accepts_this_checkout(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = lines.main([]), capsys.readouterr().out
    assert code == 0, said
    assert said.splitlines()[-1] == "accepted"
