"""One strategy for a reader: what it does, its equation, its options with their defaults, its source."""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from omegaconf import MISSING

from isofed.server.flowers import maker
from isofed.simulations.strategies_group import defaults
from isofed.strategies.found import available, is_file
from isofed.strategies.stock import PREFIX, Stock
from isofed.suggest import pick

WIDTH, COLUMN = 100, 32
LINK = r":\w+:`~?(?:\w+\.)*(\w+)`"
SECTIONS = ("Args:", "Raises:", "Returns:", "Example:", "Examples:")


@dataclass(frozen=True)
class Option:
    """One option: its default as it is written on the command line, and what it means."""

    default: str | None
    meaning: str


@dataclass(frozen=True)
class Described:
    """A strategy as its docstring and its signature tell of it.

    Args:
        sentence: what it does; the equation apart, where the docstring has it behind a colon.
        text: further paragraphs; the source is one of them.
        code: the module or the file that holds the function.
    """

    name: str
    sentence: str
    equation: str
    options: dict[str, Option]
    text: tuple[str, ...]
    code: str


def described(name: str) -> Described:
    """Return what a strategy says of itself.

    Raises:
        ConfigError: there is no such strategy; the nearest is named.
    """
    make: Callable[..., object] = pick("strategy", name, available(name))
    if name.startswith(PREFIX):
        make = maker(Stock(name.removeprefix(PREFIX), {}))  # Flower's class knows the options
    first, *rest = _paragraphs(make)
    sentence, equation = _parted(plain(first))
    text = tuple(plain(each) for each in rest if not each.startswith(SECTIONS))
    code = name.rpartition(":")[0] if is_file(name) else make.__module__
    return Described(name, sentence, equation, _options(make), text, code)


def plain(text: str) -> str:
    """Return a docstring's text as plain words on one line."""
    return " ".join(re.sub(LINK, r"\1", text).replace("`", "").split())


def told(page: Described) -> str:
    """Return the page for a terminal."""
    equation = [f"    {page.equation}"] if page.equation else []
    rows = [line for key, option in page.options.items() for line in _row(key, option)]
    blocks = [
        [f"strategy={page.name}", *_wrapped(page.sentence), *equation],
        ["options", *(rows or ["  none"])],
        *(_wrapped(each) for each in page.text),
        [f"  Code: {page.code}"],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks)


def _paragraphs(make: Callable[..., object]) -> list[str]:
    return re.split(r"\n\s*\n", inspect.getdoc(make) or "It says nothing of itself.")


def _parted(sentence: str) -> tuple[str, str]:
    """Return the words and the equation of a sentence such as ``words: a ← b.``"""
    words, _, equation = sentence.partition(": ")
    return (words, equation.removesuffix(".")) if re.search("[←=+Σ]", equation) else (sentence, "")


def _options(make: Callable[..., object]) -> dict[str, Option]:
    known, given = list(inspect.signature(make).parameters), defaults(make)
    meanings = _meanings(make, known)
    return {key: Option(_written(given.get(key)), meanings.get(key, "")) for key in known}


def _written(default: object) -> str | None:
    return str(default).lower() if isinstance(default, bool) else None if default is None else str(default)


def _meanings(make: Callable[..., object], known: list[str], seen: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the options' sentences; ``as in`` another strategy is followed there."""
    name = "|".join(map(re.escape, known))
    # "lr: η; beta1, beta2: moments" is three options in one entry; a colon elsewhere is no new one
    begins = re.compile(rf"(?:^|; )((?:{name})(?:, (?:{name}))*): ") if known else re.compile("(?!)")
    found: dict[str, str] = {}
    for entry in _entries(make):
        _, *parts = begins.split(entry)
        for names, meaning in zip(parts[::2], parts[1::2], strict=True):
            for key in names.split(", "):
                found[key] = plain(_followed(key, meaning, (*seen, make.__name__))).removesuffix(".")
    return found


def _entries(make: Callable[..., object]) -> Iterator[str]:
    """Yield each entry of the docstring's ``Args`` on one line."""
    for block in _paragraphs(make):
        if block.startswith("Args:"):
            lines = textwrap.dedent(block.partition("\n")[2])
            yield from (" ".join(entry.split()) for entry in re.split(r"\n(?=\S)", lines))


def _followed(key: str, meaning: str, seen: tuple[str, ...]) -> str:
    link = re.search(f"as in {LINK}", meaning)
    other = available().get(link[1]) if link and link[1] not in seen else None
    if link is None or other is None:
        return meaning
    there = _meanings(other, list(inspect.signature(other).parameters), seen).get(key)
    return f"{meaning[: link.start()]}{there}{meaning[link.end() :]}" if there else meaning


def _row(key: str, option: Option) -> list[str]:
    left = f"strategy.{key}={option.default}"
    if option.default is None:
        left = f"{key}, not to be set here"
    elif option.default == MISSING:
        left = f"strategy.{key}=VALUE, needed"
    left = f"  {left:<{COLUMN}}"
    gap = " " * (COLUMN + 2)
    return textwrap.wrap(f"{left} {option.meaning}".rstrip(), WIDTH, subsequent_indent=f"{gap} ")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")
