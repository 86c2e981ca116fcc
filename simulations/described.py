"""One strategy, choice of privacy, attack or kind of clients for a reader: what it does, its equation, its
options with their defaults, its source."""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from omegaconf import MISSING

from isofed.protocols.local_privacy import LOCAL, LocalPrivacy
from isofed.protocols.privacy import PRIVACY
from isofed.server.flowers import maker
from isofed.simulations.hostile.attacks import ATTACKS
from isofed.simulations.strategies_group import defaults
from isofed.strategies.found import available, is_file
from isofed.strategies.stock import PREFIX, Stock
from isofed.strategies.uneven import CLIENTS
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
    """A strategy, or another group's choice, as its docstring and its signature tell of it.

    Args:
        group: what it is chosen with, such as ``strategy`` or ``privacy``.
        sentence: what it does; the equation apart, where the docstring has it behind a colon.
        text: further paragraphs; the source is one of them.
        code: the module or the file that holds the function.
    """

    group: str
    name: str
    sentence: str
    equation: str = ""
    options: dict[str, Option] = field(default_factory=dict)
    text: tuple[str, ...] = ()
    code: str = ""


Makers = Mapping[str, Callable[..., object]]
OTHERS: Mapping[str, Makers] = {"privacy": PRIVACY, "dp": LOCAL, "clients": CLIENTS, "attack": ATTACKS}
# where a group's functions have what their options mean
MEANT: Mapping[str, Makers] = {"dp": {"LocalPrivacy": LocalPrivacy}}
# what is read beside the options of a group's functions
BESIDE: Mapping[str, Mapping[str, Option]] = {
    "attack": {"sites": Option("1", "how many hostile sites, drawn from the seed, or their names: cam1+cam3")}
}


def described(name: str, group: str = "strategy") -> Described:
    """Return what a strategy, or another group's choice, says of itself.

    Raises:
        ConfigError: there is no such name in the group; the nearest is named.
    """
    known: Makers = OTHERS.get(group) or available(name)
    make = pick(group, name, known)
    if name.startswith(PREFIX):
        make = maker(Stock(name.removeprefix(PREFIX), {}))  # Flower's class knows the options
    first, *rest = _paragraphs(make)
    sentence, equation = _parted(plain(first))
    text = tuple(plain(each) for each in rest if not each.startswith(SECTIONS))
    code = name.rpartition(":")[0] if is_file(name) else make.__module__
    # `as in` another names a function, and that of a privacy choice is called otherwise than the choice
    others = {**known, **{each.__name__: each for each in known.values()}, **MEANT.get(group, {})}
    options = {**BESIDE.get(group, {}), **_options(make, others)}
    return Described(group, name, sentence, equation, options, text, code)


def plain(text: str) -> str:
    """Return a docstring's text as plain words on one line."""
    return " ".join(re.sub(LINK, r"\1", text).replace("`", "").split())


def told(page: Described) -> str:
    """Return the page for a terminal."""
    equation = [f"    {page.equation}"] if page.equation else []
    rows = [line for key, option in page.options.items() for line in _row(page.group, key, option)]
    blocks = [
        [f"{page.group}={page.name}", *_wrapped(page.sentence), *equation],
        ["options", *(rows or ["  none"])],
        *(_wrapped(each) for each in page.text),
        [f"  Code: {page.code}"] if page.code else [],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def _paragraphs(make: Callable[..., object]) -> list[str]:
    return re.split(r"\n\s*\n", inspect.getdoc(make) or "It says nothing of itself.")


def _parted(sentence: str) -> tuple[str, str]:
    """Return the words and the equation of a sentence such as ``words: a ← b.``"""
    words, _, equation = sentence.partition(": ")
    return (words, equation.removesuffix(".")) if re.search("[←=+Σ]", equation) else (sentence, "")


def _options(make: Callable[..., object], others: Makers) -> dict[str, Option]:
    known, given = list(inspect.signature(make).parameters), defaults(make)
    meanings = _meanings(make, known, others)
    return {key: Option(_written(given.get(key)), meanings.get(key, "")) for key in known}


def _written(default: object) -> str | None:
    return str(default).lower() if isinstance(default, bool) else None if default is None else str(default)


def _meanings(
    make: Callable[..., object], known: list[str], others: Makers, seen: tuple[str, ...] = ()
) -> dict[str, str]:
    """Return the options' sentences; ``as in`` or ``see`` one of the others is followed there."""
    name = "|".join(map(re.escape, known))
    # "lr: η; beta1, beta2: moments" is three options in one entry; a colon elsewhere is no new one
    begins = re.compile(rf"(?:^|; )((?:{name})(?:, (?:{name}))*): ") if known else re.compile("(?!)")
    found: dict[str, str] = {}
    for entry in _entries(make):
        _, *parts = begins.split(entry)
        for names, meaning in zip(parts[::2], parts[1::2], strict=True):
            for key in names.split(", "):
                found[key] = plain(_followed(key, meaning, others, (*seen, make.__name__))).removesuffix(".")
    return found


def _entries(make: Callable[..., object]) -> Iterator[str]:
    """Yield each entry of the docstring's ``Args`` on one line."""
    for block in _paragraphs(make):
        if block.startswith("Args:"):
            lines = textwrap.dedent(block.partition("\n")[2])
            yield from (" ".join(entry.split()) for entry in re.split(r"\n(?=\S)", lines))


def _followed(key: str, meaning: str, others: Makers, seen: tuple[str, ...]) -> str:
    link = re.search(f"(?:as in|^see) {LINK}", meaning)
    other = others.get(link[1]) if link and link[1] not in seen else None
    if link is None or other is None:
        return meaning
    there = _meanings(other, list(inspect.signature(other).parameters), others, seen).get(key)
    return f"{meaning[: link.start()]}{there}{meaning[link.end() :]}" if there else meaning


def _row(group: str, key: str, option: Option) -> list[str]:
    left = f"{group}.{key}={option.default}"
    if option.default is None:
        left = f"{key}, not to be set here" if group == "strategy" else f"{group}.{key}=null"
    elif option.default == MISSING:
        left = f"{group}.{key}=VALUE, needed"
    left = f"  {left:<{COLUMN}}"
    gap = " " * (COLUMN + 2)
    return textwrap.wrap(f"{left} {option.meaning}".rstrip(), WIDTH, subsequent_indent=f"{gap} ")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")
