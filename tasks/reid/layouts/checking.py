"""What all checks of a layout do alike, for the local command ``isofed data check LAYOUT DIR``."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from isofed.errors import DataError
from isofed.tasks.reid.layouts.images import ImageFile, readable
from isofed.tasks.reid.layouts.tree import MARK, read_mark
from isofed.tasks.task import Finding, Progress

T = TypeVar("T")
Row = tuple[str, object, object]  # what, found, expected


def looked_at(open_tree: Callable[[], object], expected: str) -> Finding:
    """Open the tree as training does; ``expected`` says what a whole tree holds."""
    try:
        open_tree()
    except DataError as error:
        return Finding("layout", str(error), expected, False)
    return Finding("layout", expected, expected, True)


def expected_counts(root: Path, published: T, parse: Callable[[Mapping[str, Any]], T]) -> T:
    """Return the published counts, or for a made tree its own.

    Args:
        root: of the tree.
        published: what a tree without ``synthetic.json`` is compared with.
        parse: what stands under ``expected`` in ``synthetic.json`` to counts of the same type.

    Raises:
        DataError: ``synthetic.json`` does not hold such counts.
    """
    mark = read_mark(root)
    if mark is None:
        return published
    try:
        return parse(mark["expected"])
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise DataError(
        f"{MARK} in '{root}' cannot be read; expected the counts that its maker wrote: make the tree again"
    )


def compare(rows: Iterable[Row]) -> list[Finding]:
    """Return a finding for each (what, found, expected); it is well where both are equal."""
    return [Finding(what, str(found), str(expected), found == expected) for what, found, expected in rows]


def integrity(
    root: Path, files: Sequence[ImageFile], kind: str = "JPEG", progress: Progress | None = None
) -> list[Finding]:
    """Decode every image; name each that cannot be, then give the sum.

    Args:
        root: of the tree; names are relative to it.
        files: all images that the layout's lists speak of, each once.
        kind: of file, for the text.
        progress: called with the images decoded and their total.
    """
    bad = []
    for done, file in enumerate(files, 1):
        if readable(file, 8, 4) is None:
            name = file.path.relative_to(root).as_posix()
            bad.append(Finding(name, "cannot be read", f"a whole {kind} image", False))
        if progress is not None:
            progress(done, len(files))
    good = f"{len(files) - len(bad)} of {len(files)}"
    return [*bad, Finding("images that can be read", good, "all", not bad and bool(files))]
