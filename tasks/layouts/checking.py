"""What all checks of a layout do alike, for the local command ``isofed data check LAYOUT DIR``."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from isofed.errors import DataError
from isofed.tasks.layouts.tree import MARK, read_mark
from isofed.tasks.task import Finding

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
