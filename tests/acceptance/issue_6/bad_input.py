#!/usr/bin/env python3
"""Bad input: a sentence each from `isofed data check` and from `isofed simulate`, and nothing half written.

    python tests/acceptance/issue_6/bad_input.py

Trees are drawn and damaged: a truncated PNG, an XML without a box, a database with one picture of each
finger, pictures of two sizes. The check must end with 1 and name what is wrong; the simulation must end with
2 and one line that says what was found, what was expected and what to do, and leave neither a summary nor a
cache nor a checkpoint. Where the file is put back, the same run continues and ends.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from command import TINY, isofed, one_sentence
from PIL import Image

RUN = ("rounds=1", "alone=false")
HALF = ("summary.json", "result.json", "report.html", "*.npy", "*.ckpt", "*.partial")
CHECKED = re.compile(r"^BAD +(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """One kind of bad input: what is drawn, what is done to it, what must be said of it.

    Attributes:
        damage: of the tree; returns the file that was changed, or None.
        said: words that the simulation's sentence holds.
    """

    name: str
    layout: str
    make: tuple[str, ...]
    damage: Callable[[Path], Path | None]
    said: str


def first(tree: Path, pattern: str) -> Path:
    """Return the first file of a tree."""
    return min(tree.rglob(pattern))


def truncated(tree: Path) -> Path:
    """Cut a picture off in the middle."""
    path = first(tree, "raw_images/*/*.png")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def boxless(tree: Path) -> Path:
    """Take the box out of an annotation."""
    path = first(tree, "*.xml")
    text = path.read_text()
    path.write_text(re.sub(r"<bbox>.*?</bbox>", "", text, flags=re.DOTALL))
    assert path.read_text() != text
    return path


def resized(tree: Path) -> Path:
    """Write a picture at another size."""
    path = first(tree, "*.bmp")
    with Image.open(path) as image:
        smaller = image.resize((300, 200))
    smaller.save(path)
    return path


DRAWN = ("--fingers", "8", "--samples", "3")
CASES = (
    Case("a truncated PNG", "fingerveinsyn", DRAWN, truncated, "cannot be read; expected whole images"),
    Case("an XML without a box", "fingerveinsyn", DRAWN, boxless, "have no ROI box or cannot be read"),
    Case(
        "one picture of each finger",
        "vera",
        ("--subjects", "8", "--samples", "1"),
        lambda tree: None,
        "0 of them more than once; expected two fingers and two images of one",
    ),
    Case(
        "mixed picture sizes",
        "sdumla",
        ("--subjects", "4", "--samples", "2"),
        resized,
        "have 2 sizes (23 of 320 x 240, 1 of 300 x 200); expected one",
    ),
)


def faults(case: Case, folder: Path) -> Iterator[str]:
    """Draw, damage, check and simulate; print what is said, and yield what is not as it should be."""
    tree, run = folder / "data", folder / "run"
    made = isofed("data", "make", case.layout, "--out", str(tree), *case.make)
    if made.returncode:
        yield f"not drawn: {made.stderr.strip()}"
        return
    shutil.copytree(tree, folder / "whole")
    damaged = case.damage(tree)
    print(f"{case.name}:")
    yield from checked(case, tree, damaged)
    words = ("simulate", *TINY, *RUN, f"data={case.layout}", f"data.root={tree}", f"hydra.run.dir={run}")
    yield from simulated(case, words, run, str(folder))
    if damaged is not None:
        shutil.copy(folder / "whole" / damaged.relative_to(tree), damaged)
        ended = isofed("simulate", "--resume", str(run))
        if ended.returncode or not (run / "summary.json").is_file():
            yield f"does not continue with the whole file: {ended.stderr.strip()}"


def checked(case: Case, tree: Path, damaged: Path | None) -> Iterator[str]:
    """Look what the check of the tree says."""
    ended = isofed("data", "check", case.layout, str(tree))
    lines = CHECKED.findall(ended.stdout)
    for line in lines:
        print(f"  check:    {re.sub(' +', ' ', line)}")
    if ended.returncode != 1 or not lines or ended.stderr:
        yield f"the check ended with {ended.returncode}: {ended.stderr.strip()}"
    named = damaged is not None and "sizes" not in case.name
    if named and not any(damaged.stem in line for line in lines if damaged):
        yield "the check does not name the file"


def simulated(case: Case, words: tuple[str, ...], run: Path, place: str) -> Iterator[str]:
    """Look what a simulation says, and what it leaves."""
    ended = isofed(*words)
    print(f"  simulate: {ended.stderr.strip()}", flush=True)
    if ended.returncode != 2 or not one_sentence(ended.stderr) or ended.stdout:
        yield f"the simulation ended with {ended.returncode} and said: {ended.stdout}{ended.stderr}"
    if case.said not in ended.stderr or not re.search(r"; expected .*: [a-z]", ended.stderr):
        yield "the sentence does not say what was found, what was expected and what to do"
    if place in ended.stderr:
        yield "the sentence tells a path"
    left = sorted(path.name for pattern in HALF for path in run.rglob(pattern))
    if left:
        yield f"left half written: {', '.join(left)}"


def main() -> int:
    """Try every case in a temporary folder."""
    bad = 0
    with tempfile.TemporaryDirectory(prefix="isofed-bad-input-") as folder:
        for number, case in enumerate(CASES):
            found = list(faults(case, Path(folder) / f"case{number}"))
            bad += bool(found)
            print("".join(f"  FAILS: {fault}\n" for fault in found), end="", flush=True)
    print("accepted" if not bad else f"FAILS: {bad} of {len(CASES)} kinds of bad input")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
