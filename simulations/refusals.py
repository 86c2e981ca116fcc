"""Hydra's errors, which take a paragraph, as one sentence with the nearest known name."""

import re
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from isofed.simulations.strategies_group import GROUP, strategy_options
from isofed.suggest import hint

CONF = Path(__file__).parent / "conf"


def in_one_sentence(error: Exception) -> str:
    """Return what was found, what was expected and what to write instead, of an error of Hydra's."""
    text = str(error)
    for pattern, sentence in _PATTERNS:
        if found := re.search(pattern, text, re.DOTALL):
            return sentence(*found.groups())
    line = " ".join(text.split("\n")[0].split())
    return f"{line}; see: isofed simulate --cfg hydra"


def no_option(option: str) -> str:
    """Return the sentence for ``group/name`` that cannot be chosen."""
    group, _, name = option.rpartition("/")
    known = options(group)
    if not name:
        return f"'{group}=' chooses nothing; write one of: {', '.join(known)}"
    return f"unknown {group} '{name}'{hint(name, known)} known: {', '.join(known)}"


def options(group: str) -> list[str]:
    """Return what can be chosen in a group; nothing where there is no such group."""
    if group == GROUP:
        return list(strategy_options())
    return sorted(path.stem for path in (CONF / group).glob("*.yaml")) if group else []


def _no_key(key: str) -> str:
    known = _keys()
    if key in known:
        group = key.partition(".")[0]
        return f"'{key}' is no key of the {group} that was chosen; see: isofed simulate --cfg job"
    return f"unknown key '{key}'{hint(key, known)} see: isofed simulate --cfg job"


def bad_override(text: str) -> str:
    """Return the sentence for an override that does not parse."""
    return f"cannot read '{text}'; write KEY=VALUE, such as seed=1 or strategy=fedavg"


def _keys() -> list[str]:
    """Return every key of every group, dotted."""
    keys = _dotted(_load(CONF / "simulate.yaml"), "")
    for path in CONF.glob("*/*.yaml"):
        keys += [path.parent.name, *_dotted(_load(path), f"{path.parent.name}.")]
    for values in strategy_options().values():
        keys += [GROUP, *_dotted(values, f"{GROUP}.")]
    return [key for key in keys if not key.startswith(("defaults", "hydra"))]


def _load(path: Path) -> dict[str, object]:
    values: Any = OmegaConf.to_container(OmegaConf.load(path))
    return {key: value for key, value in values.items() if key != "hydra"}


def _dotted(values: dict[str, object], prefix: str) -> list[str]:
    names: list[str] = []
    for key, value in values.items():
        names += _dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"]
    return names


_PATTERNS = (
    (r"Could not find '([\w/]+/[^']*)'", no_option),
    (r"Could not override '([^']+)'", _no_key),
    (r"Key '([^']+)' is not in struct", _no_key),
)
