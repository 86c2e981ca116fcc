"""What makes two runs the same setting, and what a setting is called beside others."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SEEDS = ("seed", "data.seed", "task.split")  # a split of RegDB is a repetition, as the paper averages it
# what says nothing about the federation: its name, what is shown, what is trained beside it, and how many
# processes shared the work, which each run may have chosen for itself
SILENT = ("run", "progress", "tensorboard", "alone", "controls", "engine.workers", "engine.traced")
CHOICES = {
    "strategy": "strategy.name",
    "protocol": "protocol.name",
    "privacy": "privacy.name",
    "task": "task.name",
    "data": "data.layout",
    "engine": "engine.name",
}
# as in tasks/partitions.py, which would bring torch along
UNDIVIDED = {"partition": "owner", "clients": 10, "alpha": 0.5, "shards": 2, "least": 8}
ABSENT = "unset"
PLAIN = re.compile(r"[\w./:+-]+")


@dataclass(frozen=True)
class Setting:
    """Runs that differ in their seeds alone.

    Args:
        name: what tells it from the others: ``strategy=fedavg, protocol=entity``.
        differs: the keys that are not the same in all settings, with this one's values.
        members: places of its runs in what was grouped.
    """

    name: str
    differs: Mapping[str, Any]
    members: tuple[int, ...]


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one with dotted keys; lists stay values."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found.update(
            flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
        )
    return found


def group(configurations: Sequence[Mapping[str, Any]]) -> list[Setting]:
    """Put flat configurations together that differ in ``SEEDS`` alone; what is ``SILENT`` does not count.

    Settings stand in the order of their first members.
    """
    members: dict[str, list[int]] = {}
    kept = [_told(values) for values in configurations]
    for place, values in enumerate(kept):
        members.setdefault(_text(values), []).append(place)
    firsts = [kept[places[0]] for places in members.values()]
    keys = differing(firsts)
    return [
        Setting(
            _name(values, keys, firsts), {key: values[key] for key in keys if key in values}, tuple(places)
        )
        for values, places in zip(firsts, members.values(), strict=True)
    ]


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    # runs from before there were these choices had none
    none = {
        "privacy.name": "none",
        "clients.name": "even",
        "attack.name": "none",
        **{f"data.{key}": value for key, value in UNDIVIDED.items()},
    }
    values = {**none, "holdout": 0.0, "cohort": 0, "fewest": 0, **values}
    return {key: _same(value) for key, value in values.items() if key not in (*SEEDS, *SILENT)}


def _same(value: Any) -> Any:
    """Return 1 for 1.0, which a user may write for the other."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def differing(configurations: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the keys whose values are not the same everywhere: choices of groups first, then by name."""
    keys = {key for values in configurations for key in values}
    found = [key for key in keys if len({_shown(values, key) for values in configurations}) > 1]
    order = tuple(CHOICES.values())
    return sorted(found, key=lambda key: (order.index(key) if key in order else len(order), key))


def _name(values: Mapping[str, Any], keys: Sequence[str], others: Sequence[Mapping[str, Any]]) -> str:
    """Return what tells a setting from the others.

    A strategy brings options that others have not; they tell something only among settings of that strategy.
    """
    parts = [f"{_key(key)}={_shown(values, key)}" for key in _telling(values, keys, others)]
    return ", ".join(parts) or f"strategy={_shown(values, 'strategy.name')}"


def _telling(
    values: Mapping[str, Any], keys: Sequence[str], others: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    others = list(others)
    for key in keys:
        choice = CHOICES.get(key.partition(".")[0], key)
        alike = [other for other in others if _shown(other, choice) == _shown(values, choice)]
        if choice == key or len({_shown(other, key) for other in alike}) > 1:
            yield key


def _key(key: str) -> str:
    group = key.partition(".")[0]
    return group if CHOICES.get(group) == key else key


def _shown(values: Mapping[str, Any], key: str) -> str:
    """Return a value as one would write it; no two values are written alike."""
    if key not in values:
        return ABSENT
    value = values[key]
    if isinstance(value, str) and PLAIN.fullmatch(value) and value != ABSENT and not _is_json(value):
        return value
    return _text(value)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
