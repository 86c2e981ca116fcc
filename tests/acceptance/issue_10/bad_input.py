#!/usr/bin/env python3
"""Bad input: what is odd is handled, told once and counted; what is broken is refused in a sentence.

    python tests/acceptance/issue_10/bad_input.py [--only WORD]

A tree is drawn and damaged, checked and trained on. Odd are clips whose apex is their onset, whose apex or
the frame beside it is missing, whose string names no unit, and people of two databases: a run over the
damaged tree ends well and tells each in one line of counts, the same run continued from its cache tells none,
and no line names a file. Broken are a picture, a row of the table, the table, a database of which nothing is
left: the run ends with 2 and one line that says what was found, what was expected and what to do, and nothing
is left half written. The check of the tree counts what is odd, and names or counts what is broken.
"""

import argparse
import csv
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from command import TINY, isofed, one_sentence

from isofed.tasks.action_units.labels import COLUMNS, TABLE

MADE = ("--subjects", "2", "--clips", "3", "--size", "48", "--frames", "5", "--still", "0")
LAYOUT = "cd6me_to_samm"
HALF = ("summary.json", "result.json", "report.html", "index.json", "*.ckpt", "*.partial")
Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Case:
    """One kind of bad input.

    Attributes:
        damage: of a tree.
        said: what a run says of it, or how its refusal begins.
        checked: what the check says of it.
        broken: whether it is refused.
    """

    name: str
    damage: Callable[[Path], None]
    said: str
    checked: str
    broken: bool = False


def rewritten(change: Callable[[Rows], None]) -> Callable[[Path], None]:
    """Return a damage of the label table's rows."""

    def damage(tree: Path) -> None:
        with (tree / TABLE).open(newline="") as file:
            rows = list(csv.DictReader(file))
        change(rows)
        with (tree / TABLE).open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)

    return damage


def of(rows: Rows, database: str) -> Rows:
    """Return a database's rows."""
    return [row for row in rows if row["dataset"] == database]


def frames(tree: Path) -> list[Path]:
    """Return the frames of CASME's first clip, onset first."""
    return sorted(min((tree / "CASME").glob("*/*/*")).iterdir())


def still(rows: Rows) -> None:
    """Give two clips one frame for onset and apex."""
    for row in of(rows, "casme")[:2]:
        row["apex"] = row["onset"]


def unknown(rows: Rows) -> None:
    """Let a string name something that is no unit."""
    of(rows, "casme")[0]["AU"] += "+?"


def double(tree: Path) -> None:
    """Let a recording stand in two databases, one of them tested: in the table, and as folders."""

    def change(rows: Rows) -> None:
        mine, tested = of(rows, "casme")[0], of(rows, "samm")[0]
        keys = ("subject", "material")
        there, new = (tree.joinpath("SAMM/SAMM_CROP", *(row[key] for key in keys)) for row in (tested, mine))
        shutil.copytree(there, new)
        tested.update({key: mine[key] for key in keys})

    rewritten(change)(tree)


def torn(rows: Rows) -> None:
    """Put an apex before its onset."""
    of(rows, "casme")[0]["apex"] = "0"


def cut(tree: Path) -> None:
    """Cut a picture off in the middle."""
    path = frames(tree)[0]
    path.write_bytes(path.read_bytes()[:100])


def beside(tree: Path) -> None:
    """Take away the frames behind the onset but for the apex."""
    apex = read(tree)["apex"]
    for path in frames(tree)[1:]:
        if not path.stem.endswith(f"{int(apex):03d}"):
            path.unlink()


def apexless(tree: Path) -> None:
    """Take away all frames but the onset's."""
    for path in frames(tree)[1:]:
        path.unlink()


def read(tree: Path) -> dict[str, str]:
    """Return the row of CASME's first clip."""
    with (tree / TABLE).open(newline="") as file:
        return of(list(csv.DictReader(file)), "casme")[0]


CASES = (
    Case("apex is onset", rewritten(still), "CASME: 2 of 6 clips have one frame", "onset and apex, kept"),
    Case(
        "no apex", apexless, "CASME: 1 of 6 clips lack the frame of onset or apex", "lack a frame, left out"
    ),
    Case("no frame beside the apex", beside, "CASME: 1 of 6 clips lack a frame beside", ""),
    Case("an unknown unit", rewritten(unknown), "CASME: 1 of 6 clips have a string", "the columns hold"),
    Case("two databases", double, "CASME: 3 of 6 clips show somebody", "people of two databases"),
    Case("a cut picture", cut, "1 of 6 clips have frames that cannot be read", "a whole picture", True),
    Case("a torn row", rewritten(torn), f"1 of 36 rows of {TABLE} cannot be read", "rows of", True),
    Case("no table", lambda tree: (tree / TABLE).unlink(), f"{TABLE} is missing", "is missing", True),
    Case("no CASME", lambda tree: shutil.rmtree(tree / "CASME"), "casme holds no clip", "left out", True),
)


def faults(case: Case, whole: Path, folder: Path) -> Iterator[str]:
    """Damage a copy, check it and train on it; print what is said, and yield what is not as it should be."""
    tree, run = folder / "data", folder / "run"
    shutil.copytree(whole, tree)
    case.damage(tree)
    checked = isofed("data", "check", LAYOUT, str(tree))
    lines = (checked.stdout + checked.stderr).splitlines()
    found = [line for line in lines if case.checked and case.checked in line]
    print(f"{case.name}:", *(f"  check: {' '.join(line.split())}" for line in found[:2]), sep="\n")
    if case.checked and not found:
        yield f"the check says nothing of it: {checked.stdout}{checked.stderr}"
    words = ("simulate", *TINY, "rounds=1", "alone=false", f"data={LAYOUT}", f"data.root={tree}")
    ended = isofed(*words, f"hydra.run.dir={run}")
    print("".join(f"  run:   {line}\n" for line in ended.stderr.splitlines()), end="", flush=True)
    if str(folder) in ended.stderr or "EP0" in ended.stderr:
        yield "a path or a clip is named"
    if case.broken:
        yield from refused(case, ended.returncode, ended.stderr, run)
        return
    if ended.returncode or ended.stderr.count(case.said) != 1 or len(ended.stderr.splitlines()) != 1:
        yield f"ended with {ended.returncode}, and not with the one line about it"
    (run / "summary.json").unlink()
    if isofed("simulate", "--resume", str(run)).stderr:
        yield "it is told a second time"


def refused(case: Case, code: int, said: str, run: Path) -> Iterator[str]:
    """Look whether a run was refused as it should be."""
    if (
        code != 2
        or not one_sentence(said)
        or case.said not in said
        or "expected" not in said
        or ": " not in said
    ):
        yield f"ended with {code}, and not with the one sentence"
    left = [path.name for pattern in HALF for path in run.rglob(pattern) if "casme/" in path.as_posix()]
    left += [path.name for path in run.glob("summary.json")]
    if left:
        yield f"left half written: {', '.join(left)}"


def main() -> int:
    """Try every case in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="the cases whose name holds this")
    only, bad = parser.parse_args().only, 0
    chosen = [case for case in CASES if only in case.name]
    with tempfile.TemporaryDirectory(prefix="isofed-bad-input-") as name:
        whole = Path(name) / "whole"
        isofed("data", "make", LAYOUT, "--out", str(whole), *MADE)
        for number, case in enumerate(chosen):
            found = list(faults(case, whole, Path(name) / f"case{number}"))
            bad += bool(found)
            print("".join(f"  FAILS: {fault}\n" for fault in found), end="", flush=True)
    print("accepted" if not bad else f"FAILS: {bad} of {len(chosen)} kinds of bad input")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
