"""A data set on one machine, parted into a folder for each site and one for the evaluator, for a trial.

What a site's part holds is not written down anywhere: it is what the reader opens when it opens that site,
with lists cut to the site's own lines, and the proof is that it opens the same from the part alone. Where a
reader has to know the names of others' files, because they say who is tested on, these are there, empty.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from isofed.config import read
from isofed.errors import DataError
from isofed.tasks.layouts.tree import DECLARED, MARK, placed
from isofed.tasks.task import EVALUATOR, DataLayout, Task
from isofed.tasks.traced import Trace, traced

DRAWS = ".mat"  # of lists that a benchmark may look into later: published draws
OWN, LISTS, NAMES = "", "whole lists", "whole lists and the names of others' files"
Opener = Callable[[Path, Path], Any]  # (root, cache) to what is opened


@dataclass(frozen=True)
class Parted:
    """A part: its files that hold something, and what it tells of others because the reader has to know."""

    files: int
    told: str = OWN


@dataclass(frozen=True)
class _Seen:
    """What a reader looked at, and what it made of it."""

    trace: Trace
    samples: int
    labels: Any

    def same(self, other: "_Seen", without: set[Path]) -> bool:
        alike = self.trace.files - without == other.trace.files and self.samples == other.samples
        return alike and np.array_equal(self.labels, other.labels)


@dataclass(frozen=True)
class _Reader:
    """How a site reads: it asks what only the data can tell, and opens them."""

    layout: DataLayout
    options: Any
    opener: Opener

    def read(self, root: Path) -> _Seen:
        _, asked = traced(root, lambda: self.layout.resolve(root, self.options))
        with tempfile.TemporaryDirectory(prefix="isofed-parting-") as cache:
            found, trace = traced(root, lambda: self.opener(root, Path(cache)))
            labels = getattr(found, "labels", None)
            # to be asked, a layout may list folders that are another site's: it need not find them
            looked = Trace(trace.files | asked.files, trace.folders)
            return _Seen(looked, 0 if labels is None else len(found), labels)


def opening(task: Task, layout: DataLayout, root: Path, given: Mapping[str, Any] | None = None) -> Any:
    """Return options of the task with which data are opened to be looked at.

    How large a batch is to be is a run's choice and no reason against opening: it is as small as it can be.

    Args:
        task: that reads the layout.
        layout: of the tree.
        root: of the tree.
        given: options that are not as usual, by name.
    """
    asked = dict(given or {})
    resolved = layout.resolve(root, read(task.options, asked, "task"))
    options = read(task.options, {**asked, **resolved}, "task")
    small = {field.name: 2 for field in fields(options) if field.name == "batch_identities"}
    return replace(options, **small)


def part(
    task: Task,
    layout: DataLayout,
    root: Path,
    out: Path,
    level: str = "camera",
    given: Mapping[str, Any] | None = None,
) -> dict[str, Parted]:
    """Copy a tree's parts into a folder for each of its sites, and one for the evaluator.

    Args:
        task: that reads the layout.
        layout: of the tree.
        root: of the tree.
        out: the folder to make.
        level: under which the sites are meant.
        given: options of the task by which the run will say who is tested, where they are not as usual.

    Raises:
        DataError: a part alone is not enough for the reader; ``out`` holds something else.
    """
    options, made = opening(task, layout, root, given), {}
    with placed(out, {"made_by": "isofed", "layout": layout.name, "level": level}) as folder:
        for name, reader in _readers(layout, root, level, options):
            made[name] = _part(root, folder / name, name, reader, layout.lists(root, name, options))
            for declared in layout.folders(root, None if name == EVALUATOR else name):
                _copy(root, folder / name, {(declared / DECLARED).relative_to(root)})
    return made


def _readers(layout: DataLayout, root: Path, level: str, options: Any) -> Iterator[tuple[str, _Reader]]:
    for site in layout.sites(root, level):
        name = site if isinstance(site, str) else site.name
        yield name, _Reader(layout, options, _trainer(layout, name, options))
    yield EVALUATOR, _Reader(layout, options, lambda at, cache: layout.open_test(at, cache, options))


def _trainer(layout: DataLayout, name: str, options: Any) -> Opener:
    return lambda at, cache: layout.open_train(at, name, cache, options)


def _part(root: Path, out: Path, name: str, reader: _Reader, lists: Mapping[str, bytes | None]) -> Parted:
    whole = reader.read(root)
    needed = whole.trace
    for told in (OWN, LISTS, NAMES):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        _copy(root, out, needed.files | (_draws(root, needed) if name == EVALUATOR else set()))
        gone = _cut(out, needed, lists) if told == OWN else set()
        if told == NAMES:
            _name(root, out, needed)
        if _enough(out, reader, whole, gone):
            return Parted(len(needed.files - gone), told)
    raise DataError(
        f"the part of {name} alone is not enough for this layout's reader; give every site the whole tree"
    )


def _enough(out: Path, reader: _Reader, whole: _Seen, gone: set[Path]) -> bool:
    try:
        return whole.same(reader.read(out), gone)
    except DataError:
        return False


def _cut(out: Path, needed: Trace, lists: Mapping[str, bytes | None]) -> set[Path]:
    """Cut lists, and return those that were left out."""
    for name in [name for name in lists if Path(name) in needed.files]:
        content = lists[name]
        if content is not None:
            (out / name).write_bytes(content)
            continue
        (out / name).unlink()
        for folder in (out / name).parents:
            if folder != out and out in folder.parents and not any(folder.iterdir()):
                folder.rmdir()
    return {Path(name) for name, content in lists.items() if content is None} & needed.files


def _draws(root: Path, needed: Trace) -> set[Path]:
    """Return the draws that lie beside lists."""
    folders = {path.parent for path in needed.files if path.suffix == ".txt"}
    return {path.relative_to(root) for folder in folders for path in (root / folder).glob(f"*{DRAWS}")}


def _copy(root: Path, out: Path, files: set[Path]) -> None:
    for path in sorted(files):
        if (root / path).is_file():
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / path, out / path)


def _name(root: Path, out: Path, needed: Trace) -> None:
    """Lay down the names of what was listed and never opened."""
    for folder in sorted(needed.folders):
        for path in (root / folder).iterdir():
            other = out / folder / path.name
            if path.is_file() and path.name != MARK and not other.exists():
                other.parent.mkdir(parents=True, exist_ok=True)
                other.touch()
