"""policy.toml: the most that a site does, whoever asks. The file is the last word."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any

from isofed.client.site.settings import ROLES, Settings
from isofed.client.site.toml import load, save
from isofed.config import within
from isofed.errors import ConfigError
from isofed.protocols.levels import LEVELS, MEANINGS, STATE, LevelOptions, allowed
from isofed.suggest import pick

ANY = "*"
MESSAGES = ("train", "evaluate")
HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "levels": tuple(LEVELS),
    "roles": ROLES,
    "messages": MESSAGES,
    "contents": MEANINGS,
}
COMMENTS = {
    "tasks": "runs of these tasks alone",
    "levels": "privacy levels",
    "roles": "what this site may be",
    "messages": "what it answers: train, evaluate",
    "contents": "what may leave in answer to train, beside numbers",
    "strategies": 'names, or "*" for every one that is installed here',
    "privacy": 'names of privacy steps, one of which a run must use, or "*"; see isofed list privacy',
    "min_images": "the least that a run may ask for",
    "bytes_a_round": "the most that leaves in answer to one round",
    "rounds_a_day": "the most rounds that are begun a day, 0 for any number",
    "budget": "the most epsilon that all runs together may give away of a unit, such as an image; 0 for all",
    "budget_delta": "the delta that goes with it, well below one over the units",
    "hours": 'when work may begin, local time, such as "22:00-06:00"; empty for always',
}


@dataclass(frozen=True)
class Policy:
    """What a site does at most.

    Args:
        tasks: names.
        levels: privacy levels.
        roles: what the site may be.
        messages: kinds of message that it answers, of ``train`` and ``evaluate``.
        contents: meanings of channels that may leave; public numbers and statistics of a measurement always
            may.
        strategies: names; ``*`` is every installed one.
        privacy: names of privacy steps; ``*`` is any, none included.
        min_images: the least ``min_images`` that a run may ask for, 1 to 1,000,000.
        bytes_a_round: the most that leaves in answer to one round, its repetitions included, bytes, >= 1.
        rounds_a_day: the most rounds begun between two midnights; 0 for any number.
        budget: ε, the most that all runs together may give away of every unit, such as image or identity;
            0 for no limit. With one, a run that trains without differential privacy is refused.
        budget_delta: δ that goes with it, 1e-30 to 0.5.
        hours: when work may begin, ``HH:MM-HH:MM`` of the site's clock; empty for always.

    Raises:
        ConfigError: a value that is none of these.
    """

    tasks: tuple[str, ...]
    levels: tuple[str, ...]
    roles: tuple[str, ...] = ROLES[:1]
    messages: tuple[str, ...] = MESSAGES
    contents: tuple[str, ...] = (STATE,)
    strategies: tuple[str, ...] = (ANY,)
    privacy: tuple[str, ...] = (ANY,)
    min_images: int = 2
    bytes_a_round: int = 256 * 2**20
    rounds_a_day: int = 0
    budget: float = 0.0
    budget_delta: float = 1e-5
    hours: str = ""

    def __post_init__(self) -> None:
        for key in ("tasks", "strategies", "privacy", *CHOICES):
            names = getattr(self, key)
            if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
                raise ConfigError(f"'{key}' must be a list of names, such as [\"NAME\"]")
        for key, choices in CHOICES.items():
            for name in getattr(self, key):
                pick(key, name, dict.fromkeys(choices))
        within("min_images", self.min_images, 1, 1_000_000)
        within("bytes_a_round", self.bytes_a_round, 1, 2**50)
        within("rounds_a_day", self.rounds_a_day, 0, 1_000_000)
        within("budget", self.budget, 0.0, 1e6)
        within("budget_delta", self.budget_delta, 1e-30, 0.5)
        if self.hours and (not HOURS.fullmatch(self.hours) or len(set(self.hours.split("-"))) == 1):
            raise ConfigError(f"'hours' is '{self.hours}', but must be as in \"22:00-06:00\", or empty")

    def refuse(
        self, cfg: Mapping[str, Any], kind: str, now: datetime, role: str = ROLES[0], begun: int = 0
    ) -> str | None:
        """Return why a message is not answered, or None.

        Args:
            cfg: the run's configuration; see isofed/setting.py.
            kind: of the message.
            now: the site's clock.
            role: of the site.
            begun: other rounds that it has begun today.

        Raises:
            ConfigError, CompositionError: the run's strategy cannot be made.
        """
        asked = {
            "messages": ("message", kind),
            "roles": ("role", role),
            "tasks": ("task", _name(cfg, "task")),
            "levels": ("privacy level", _name(cfg, "protocol")),
            "strategies": ("strategy", _name(cfg, "strategy")),
            "privacy": ("privacy step", _name(cfg, "privacy") or "none"),
        }
        for key, (what, name) in asked.items():
            if ANY not in getattr(self, key) and name not in getattr(self, key):
                return self._denied(what, name, key)
        return next(self._limits(cfg, kind, now, begun), None)

    def budgeted(self) -> dict[str, float]:
        """Return what :class:`isofed.client.place.Place` reads of the limit, nothing where there is none."""
        return {"budget": self.budget, "budget_delta": self.budget_delta} if self.budget else {}

    def refuse_reply(self, bytes: int) -> str | None:
        """Return why an answer does not leave, or None.

        Args:
            bytes: what would have left in answer to the round, this answer included.
        """
        if bytes <= self.bytes_a_round:
            return None
        return (
            f"answers to this round come to {bytes:,} bytes, but this site lets {self.bytes_a_round:,} out a "
            "round; make the model smaller, or have 'bytes_a_round' changed in the site's policy.toml"
        )

    def _limits(self, cfg: Mapping[str, Any], kind: str, now: datetime, begun: int) -> Iterator[str]:
        protocol = cfg.get("protocol")
        fewest = protocol.get("min_images", LevelOptions.min_images) if isinstance(protocol, Mapping) else 0
        if not isinstance(fewest, int) or fewest < self.min_images:
            yield _beyond("min_images", f"min_images {fewest}", f"at least {self.min_images}")
        if not self._open(now.time()):
            yield _beyond("hours", f"work at {now:%H:%M}", f"it at {self.hours} of its clock")
        if self.rounds_a_day and begun >= self.rounds_a_day:
            yield _beyond("rounds_a_day", f"round {begun + 1} of this day", f"{self.rounds_a_day} a day")
        if self.budget and kind == MESSAGES[0] and _name(cfg, "dp") in ("", "none"):
            yield _beyond(
                "budget", "training without differential privacy at the sites", "dp=example or subject"
            )
        # of a measurement nothing leaves but statistics
        for meaning in sorted(meanings(cfg) - set(self.contents)) if kind == MESSAGES[0] else ():
            yield self._denied("message content", meaning, "contents")

    def _open(self, now: time) -> bool:
        if not self.hours:
            return True
        first, last = (time.fromisoformat(part) for part in self.hours.split("-"))
        return first <= now < last if first < last else now >= first or now < last

    def _denied(self, what: str, name: str, key: str) -> str:
        allows = ", ".join(getattr(self, key)) or "none"
        return _beyond(key, f"{what} '{name}'", allows)


def _beyond(key: str, asked: str, allowed: str) -> str:
    return (
        f"the run asks for {asked}, but this site's policy allows {allowed}; change the run, or have '{key}' "
        "changed in the site's policy.toml"
    )


def _name(cfg: Mapping[str, Any], group: str) -> str:
    found = cfg.get(group)
    return str(found.get("name", "")) if isinstance(found, Mapping) else ""


def meanings(cfg: Mapping[str, Any]) -> frozenset[str]:
    """Return what leaves a site under a run's strategy beside public numbers.

    Raises:
        ConfigError, CompositionError: the strategy cannot be made, or is a function in a file, which is not
            looked at.
    """
    return _meanings(json.dumps(cfg.get("strategy")))


@lru_cache(maxsize=8)
def _meanings(strategy: str) -> frozenset[str]:
    # what is imported here brings torch, and the connector reads this file without it
    from isofed.config import call
    from isofed.strategies.found import available, is_file

    options = json.loads(strategy)
    name = options.pop("name", "") if isinstance(options, dict) else ""
    if is_file(str(name)):
        raise ConfigError(
            "the run's strategy is a function in a file, and a site runs no code that it is told"
        )
    recipe = call(pick("strategy", name, available(name)), options, "strategy")
    return frozenset({STATE, *(rule.meaning for rule in recipe.channels.values())})


def read_policy(path: Path) -> Policy:
    """Read policy.toml.

    Raises:
        ConfigError: as :func:`isofed.client.site.toml.load`.
    """
    return load(path, Policy)


def first_policy(settings: Settings, private: bool = False) -> Policy:
    """Return the policy that allows what a site's level does, for its task alone: where to tighten from.

    Args:
        settings: of the site.
        private: whether its task's heads and centres tell who somebody is.
    """
    level = LEVELS[settings.level].closed() if private else LEVELS[settings.level]
    measures = settings.role != ROLES[0]
    contents = () if measures else allowed(level, LevelOptions(settings.min_images, settings.centres))
    return Policy(
        tasks=(settings.task,),
        levels=(settings.level,),
        roles=(settings.role,),
        messages=MESSAGES[measures:],
        contents=tuple(meaning for meaning in MEANINGS if meaning in contents),
        min_images=settings.min_images,
    )


def write_policy(path: Path, policy: Policy) -> None:
    """Write policy.toml, each key with what it means."""
    save(path, policy, "The most that this site does, whoever asks. Read again for every message.", COMMENTS)
