"""``python -m isofed.tasks.vein.realism REFERENCE OUT``: published fingers and drawn ones, measured alike."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from isofed.errors import IsofedError
from isofed.tasks.vein.realism.run import Plan, Result, run, write
from isofed.tasks.vein.realism.told import table

Item = TypeVar("Item")
GUIDE = """\
REFERENCE is a folder with raw_images, annotations and both kinds of masks of FingerVeinSyn-5M, whole or in
part. OUT gets realism.json (every number and curve), realism.md (the table of plain pictures) and realism.png
(pictures and charts). Pictures of REFERENCE go into realism.png: mind their licence before you show it."""


def main(argv: list[str] | None = None) -> int:
    """Compare, print the tables, write the files; 2 where something is not as it should be."""
    arguments = _parser().parse_args(argv)
    try:
        plan = Plan(arguments.fingers, arguments.each, arguments.seed, arguments.sensor, arguments.most)
        result = run(
            arguments.reference, plan, _counted if sys.stderr.isatty() else lambda what, items: items
        )
        write(arguments.out, result)
    except IsofedError as error:
        print(f"isofed: {error}", file=sys.stderr)
        return 2
    print(_moves(result), table(result.groups), sep="\n\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m isofed.tasks.vein.realism",
        description=f"{__doc__}\n\n{GUIDE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("reference", type=Path)
    parser.add_argument("out", type=Path)
    for name, default, words in (
        ("fingers", Plan.fingers, "drawn"),
        ("each", Plan.each, "pictures of each"),
        ("seed", Plan.seed, "of the drawn fingers"),
        ("most", Plan.most, "pictures of the reference that are looked at"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{words} ({default})")
    parser.add_argument("--sensor", default=Plan.sensor, help=f"that draws them ({Plan.sensor})")
    return parser


def _moves(result: Result) -> str:
    told = (
        f"{name} by ({move[0]:+d}, {move[1]:+d}), correlation {fit:.2f} there"
        for name, (move, fit) in (("published", result.published_at), ("drawn", result.drawn_at))
    )
    return f"Vein masks fit best when moved (down, right): {'; '.join(told)}. Published ones are moved so."


def _counted(what: str, items: Iterable[Item]) -> Iterator[Item]:
    for number, item in enumerate(items, 1):
        print(f"\r{number} pictures {what}", end="", file=sys.stderr, flush=True)
        yield item
    print(file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
