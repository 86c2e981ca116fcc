"""A data set on one machine, parted into a folder for each site and one for the evaluator, for a trial.

What a site's part holds is not written down anywhere: it is what the reader opens when it opens that site,
and the proof is that it opens the same from the part alone. Where a reader looks at the names of other files,
to know who is tested on, these are there, empty.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from isofed.config import read
from isofed.errors import DataError
from isofed.tasks.layouts.tree import MARK, placed
from isofed.tasks.task import DataLayout, Task
from isofed.tasks.traced import Trace, traced

EVALUATOR = "evaluator"
DECLARED = "isofed-level.txt"
Opener = Callable[[Path, Path], Any]  # (root, cache) to what is opened


def opening(task: Task, layout: DataLayout, root: Path) -> Any:
    """Return options of the task with which data are opened to be looked at.

    How large a batch is to be is a run's choice and no reason against opening: it is as small as it can be.
    """
    options = read(task.options, dict(layout.resolve(root, task.options())), "task")
    small = {field.name: 2 for field in fields(options) if field.name == "batch_identities"}
    return replace(options, **small)


def part(task: Task, layout: DataLayout, root: Path, out: Path, level: str = "camera") -> dict[str, int]:
    """Copy a tree's parts into a folder for each of its sites, and one for the evaluator.

    Args:
        task: that reads the layout.
        layout: of the tree.
        root: of the tree.
        out: the folder to make.
        level: under which the sites are meant.

    Returns:
        Files of each part that hold something.

    Raises:
        DataError: a part alone is not enough for the reader; ``out`` holds something else.
    """
    options, made = opening(task, layout, root), {}
    with placed(out, {"made_by": "isofed", "layout": layout.name, "level": level}) as folder:
        for name, opener in _openers(layout, root, level, options):
            made[name] = _part(root, folder / name, name, opener)
            for declared in layout.folders(root, None if name == EVALUATOR else name):
                _copy(root, folder / name, {(declared / DECLARED).relative_to(root)})
    return made


def _openers(layout: DataLayout, root: Path, level: str, options: Any) -> Iterator[tuple[str, Opener]]:
    for site in layout.sites(root, level):
        name = site if isinstance(site, str) else site.name
        yield name, _trainer(layout, name, options)
    yield EVALUATOR, lambda at, cache: layout.open_test(at, cache, options)


def _trainer(layout: DataLayout, name: str, options: Any) -> Opener:
    return lambda at, cache: layout.open_train(at, name, cache, options)


def _part(root: Path, out: Path, name: str, opener: Opener) -> int:
    needed = _looked_at(root, opener)
    for names in (False, True):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        _copy(root, out, needed.files | _beside(root, needed))
        if names:
            _name(root, out, needed)
        if _enough(out, opener, needed):
            return len(needed.files)
    raise DataError(
        f"the part of {name} alone is not enough for this layout's reader; give every site the whole tree"
    )


def _looked_at(root: Path, opener: Opener) -> Trace:
    with tempfile.TemporaryDirectory(prefix="isofed-parting-") as cache:
        return traced(root, lambda: opener(root, Path(cache)))[1]


def _enough(out: Path, opener: Opener, needed: Trace) -> bool:
    try:
        return _looked_at(out, opener).files == needed.files
    except DataError:
        return False


def _beside(root: Path, needed: Trace) -> set[Path]:
    """Return what lies beside lists: a reader may look into it later, as into published draws."""
    lists = {path.parent for path in needed.files if path.suffix in (".txt", ".json", ".mat")}
    found = {path.relative_to(root) for folder in lists for path in (root / folder).iterdir()}
    return {path for path in found if (root / path).is_file() and path.name != MARK}


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
