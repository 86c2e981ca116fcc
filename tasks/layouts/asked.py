"""What ``isofed data make`` was asked for, kept in the tree that it made, so that none is lost to another."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from isofed.errors import DataError
from isofed.files import write_json
from isofed.tasks.layouts.tree import MARK, read_mark

ASKED = "asked"
SAME_BYTES = ("workers",)  # options on which nothing that is drawn depends

Asked = Mapping[str, Any]


def asked(layout: str, seed: int, options: Any) -> Asked:
    """Return what tells a drawn tree from another: layout, seed and the layout's options."""
    drawn = {name: value for name, value in asdict(options).items() if name not in SAME_BYTES}
    return {"layout": layout, "seed": seed, **drawn}


def parted(layout: str, level: str, options: Mapping[str, Any]) -> Asked:
    """Return what tells parts of a tree from others: layout, level and those of the task's options given."""
    return {"layout": layout, "level": level, **options}


def keep(out: Path, wanted: Asked) -> None:
    """Write into a tree's ``synthetic.json`` what it was asked with."""
    mark = read_mark(out)
    if mark is not None:
        write_json(out / MARK, {**mark, ASKED: wanted})


def there(out: Path) -> Asked | None:
    """Return what a tree of ours was asked with, empty where it does not say; None where there is none.

    Raises:
        DataError: its ``synthetic.json`` cannot be read.
    """
    mark = read_mark(out)
    if mark is None:
        return None
    found = mark.get(ASKED)
    return dict(found) if isinstance(found, Mapping) and isinstance(found.get("layout"), str) else {}


def in_words(found: Asked, wanted: Asked) -> str:
    """Return what an earlier tree is, as far as it is another one; empty where it is the same."""
    if not found:
        return "a tree that isofed made, but not with what options"
    if found["layout"] != wanted["layout"]:
        return f"a tree of the layout {found['layout']}"
    other = [f"{key} {value}" for key, value in found.items() if wanted.get(key) != value]
    made = "parts made" if "level" in found else "a tree drawn"
    return f"{made} with {', '.join(other) or 'fewer options'}" if other or set(found) != set(wanted) else ""


def refuse_another(out: Path, found: Asked, wanted: Asked) -> None:
    """Raise DataError unless an earlier tree is the one that is wanted."""
    if other := in_words(found, wanted):
        raise DataError(
            f"'{out}' holds {other}; name another folder, or write --overwrite true to replace that"
        )
