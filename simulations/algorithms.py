"""The tables of docs/algorithms.md: what each named algorithm does, sends and keeps, and who can measure it.

    python -m isofed.simulations.algorithms docs/algorithms.md

writes the tables anew, one below each family's heading, and leaves the text around them as it is;
tests/simulations/test_algorithms_page.py asserts that they are up to date.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from isofed.errors import CompositionError
from isofed.protocols.levels import LEVELS, LevelOptions
from isofed.protocols.privacy import PRIVACY
from isofed.setting import build
from isofed.simulations.compatibility import cells
from isofed.simulations.described import described
from isofed.strategies.named import FAMILIES, STRATEGIES
from isofed.strategies.recipe import Recipe
from isofed.strategies.share import BODY, HEAD, NORMS
from isofed.tasks import TASKS
from isofed.trees import Layout

HEADS = ("strategy=", "what it does", "leaves a site", "stays at a site", "stays at the server")
MORE = ("measured", "source")
NONE = "–"
LEFT = {HEAD: "model without its head", BODY: "head alone", NORMS: "model without normalisation layers"}
KEPT = {HEAD: "its head", BODY: "its body", NORMS: "its normalisation layers"}
REMEMBERED = {
    "control": "its control variate",
    "dynamic": "its gradient",
    "contrastive": "its previous model",
}


def row(name: str) -> list[str]:
    """Return the cells of one algorithm with its default options."""
    recipe, page = STRATEGIES[name](), described(name)
    did = page.sentence.removesuffix(".") + (f": `{page.equation}`" if page.equation else "")
    found = re.search(r"\b(?:19|20)\d\d\b", " ".join(text for text in page.text if text.startswith("Source")))
    listed = (_sent(recipe), _kept(recipe), _served(recipe))
    return [f"`{name}`", did, *map(_listed, listed), _measured(name, recipe), found[0] if found else NONE]


def _sent(recipe: Recipe) -> Iterator[str]:
    share = recipe.share
    if share.freezes:
        yield "what is trained of a frozen model"
    elif share.parts:
        yield from (LEFT[part] for part in share.parts)
    elif share.travels(""):
        yield "model"
    yield from (rule.meaning.replace("_", " ") for rule in recipe.channels.values())
    yield from (f"`{number}`" for number in recipe.rule.needs)


def _kept(recipe: Recipe) -> Iterator[str]:
    yield from (KEPT[part] for part in recipe.share.parts)
    if not recipe.share.parts and not recipe.share.travels(""):
        yield "its model"
    for term in recipe.local:
        if term.remember:
            known = REMEMBERED.get(term.name, f"what `{term.name}` remembers")
            yield "a model of its own" if term.personal else known


def _served(recipe: Recipe) -> Iterator[str]:
    layout = Layout.of([("w", (1,), "float32")])
    yield from (f"`{name}`" for name in recipe.server.init(layout))
    yield from (f"`{name}`" for name in recipe.channels)
    if recipe.server.arrivals:
        yield "models that sites began with"
    if recipe.learns:
        yield "public data" if recipe.server.distil else "root data"


def _measured(name: str, recipe: Recipe) -> str:
    share = recipe.share
    own = recipe.personal or share.parts or not share.travels("") or recipe.rounds != recipe.schedule
    return _listed([*(["benchmark"] if _evaluable(name) else []), *(["sites"] if own else [])])


def _evaluable(name: str) -> bool:
    for cell in (c for c in cells() if (c.strategy, c.privacy) == (name, "none")):
        with suppress(CompositionError):  # the first place that does not refuse it
            return build(cell.cfg, TASKS, STRATEGIES, LEVELS, LevelOptions, PRIVACY).evaluable
    return False


def _listed(words: Iterable[str]) -> str:
    return "; ".join(words) or NONE


def title(family: Mapping[str, Callable[..., Any]]) -> str:
    """Return what a family is called: the first sentence of its file."""
    module = sys.modules[next(iter(family.values())).__module__]
    return str(module.__doc__).split("\n")[0].removesuffix(".")


def table(family: Mapping[str, Callable[..., Any]]) -> str:
    """Return a family's table as Markdown."""
    lines = [[*HEADS, *MORE], ["---"] * len([*HEADS, *MORE]), *map(row, family)]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def page(text: str) -> str:
    """Return the page with every family's table written anew; a new family gets a heading at the end."""
    for family in FAMILIES:
        heading = f"## {title(family)}\n\n"
        if heading not in text:
            text = f"{text.rstrip()}\n\n{heading}"
        before, _, after = text.partition(heading)
        prose = re.sub(r"\A(?:\|.*\n)*", "", after).lstrip()
        text = f"{before}{heading}{table(family)}\n{prose}"
    return text.rstrip() + "\n"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
