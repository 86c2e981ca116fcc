"""Hydra's errors, which take a paragraph, as one sentence with the nearest known name."""

import re
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from isofed.suggest import nearest

CONF = Path(__file__).parent / "conf"


def in_one_sentence(error: Exception) -> str:
    """Return what was found, what was expected and what to write instead."""
    text = str(error)
    for pattern, sentence in _PATTERNS:
        if found := re.search(pattern, text, re.DOTALL):
            return sentence(*found.groups())
    return " ".join(text.split("\n")[0].split())


def _no_option(option: str) -> str:
    group, _, name = option.rpartition("/")
    known = sorted(path.stem for path in (CONF / group).glob("*.yaml"))
    return f"unknown {group} '{name}'{nearest(name, known)} known: {', '.join(known)}"


def _no_key(key: str) -> str:
    known = list(_keys())
    return f"unknown key '{key}'{nearest(key, known)} see: isofed simulate --cfg job"


def _bad_override(text: str) -> str:
    return f"cannot read '{text}'; write KEY=VALUE, such as seed=1 or strategy=fedavg"


def _keys() -> list[str]:
    """Return every key of every group, dotted."""
    keys = _dotted(_load(CONF / "simulate.yaml"), "")
    for path in CONF.glob("*/*.yaml"):
        keys += [path.parent.name, *_dotted(_load(path), f"{path.parent.name}.")]
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
    (r"Could not find '([\w/]+/[^']+)'", _no_option),
    (r"Could not override '([^']+)'", _no_key),
    (r"Key '([^']+)' is not in struct", _no_key),
    (
        r"(?:mismatched input|no viable alternative|missing EQUAL|extraneous input|token recognition).*",
        lambda: "",
    ),
)
