"""Where a site's own things are, and what it agreed to."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from isofed.errors import ConfigError, ContractError
from isofed.protocols.levels import LevelOptions, allowed
from isofed.seeds import Secrets, simulated_secrets, site_secrets
from isofed.setting import Setting

TRAINER, EVALUATOR = "trainer", "evaluator"
PLACE_KEYS = ("site", "role", "root", "home", "memory", "level", "min_images")
SECRET, BUDGET = "secret", "budget.jsonl"


@dataclass(frozen=True)
class Place:
    """Where a site's own things are; known to the site alone, never sent.

    Args:
        site: the site's name.
        root: folder of the data set; a camera opens only its own part of it.
        home: folder for caches that outlive a run.
        memory: folder of this run's memory.
        level: the privacy level that the site agreed to; an order under another one is refused.
        min_images: what the site agreed to; no image may make up more than 1/min_images of a centre.
        centres: whether identity centres may leave, as in :class:`LevelOptions`.
        role: ``trainer`` or ``evaluator``; nobody is both.
        device: where this site computes, such as ``cpu`` or ``cuda:0``.
        simulated: the seed from which a simulated site derives what would be its secrets; None at a real
            site, whose secrets are its own.
        weights: file of public pre-trained weights, for what does not come with an order; or None.
        budget: ε, the most that all runs together may give away of every unit here; 0 for no limit.
        budget_delta: δ that goes with it.
        poison: what a simulated attack makes of a site's samples, see client/poisoned.py; nothing at a real
            site, which has no such key.
        lends: whether a report may show the model's own memory, because whoever asked has copied it before
            this process trains again.
        traced: whether steps are taken by their operations once they were taken often, see client/traced.py.
    """

    site: str
    root: Path
    home: Path
    memory: Path
    level: str
    min_images: int
    role: str = TRAINER
    device: str = "cpu"
    centres: str = "level"
    simulated: int | None = None
    weights: Path | None = None
    lends: bool = False
    budget: float = 0.0
    budget_delta: float = 1e-5
    poison: str = ""
    traced: bool = False

    @classmethod
    def of(cls, node_config: Mapping[str, Any]) -> "Place":
        """Read a node's configuration."""
        missing = [key for key in PLACE_KEYS if key not in node_config]
        if missing:
            raise ConfigError(
                f"the node configuration lacks {', '.join(missing)}; give --node-config them all"
            )
        return cls(
            site=str(node_config["site"]),
            root=Path(str(node_config["root"])),
            home=Path(str(node_config["home"])),
            memory=Path(str(node_config["memory"])),
            level=str(node_config["level"]),
            min_images=int(node_config["min_images"]),
            role=str(node_config["role"]),
            device=str(node_config.get("device", "cpu")),
            centres=str(node_config.get("centres", "level")),
            simulated=node_config.get("simulated"),
            weights=Path(str(node_config["weights"])) if "weights" in node_config else None,
            lends=bool(node_config.get("lends", False)),
            budget=float(node_config.get("budget", 0.0)),
            budget_delta=float(node_config.get("budget_delta", 1e-5)),
            poison=str(node_config.get("poison", "")) if "simulated" in node_config else "",
            traced=bool(node_config.get("traced", False)),
        )

    def allow(self, setting: Setting, role: str) -> None:
        """Raise ContractError unless this node agreed to the run's level and to this kind of work."""
        if self.role != role:
            raise ContractError(
                f"{self.site} is {self.role}, but the order is for role {role}; ask another node"
            )
        wanted, agreed = setting.level_options, LevelOptions(self.min_images, self.centres)
        more = allowed(setting.level, wanted) - allowed(setting.level, agreed)
        if setting.level.name != self.level or wanted.min_images < self.min_images or more:
            raise ContractError(
                f"the run's protocol is '{setting.level.name}' with min_images {wanted.min_images} and "
                f"centres '{wanted.centres}', but {self.site} agreed to '{self.level}' with at least "
                f"{self.min_images} and '{self.centres}'; change the run, or the site's own configuration"
            )

    @cached_property
    def ledger(self) -> Path:
        """The file of what left this site in this run."""
        return self.memory.parent / "left.jsonl"

    @property
    def shelf(self) -> str:
        """What this site's opened data are called in a process: those of an attack are others."""
        return f"{self.home}{self.poison}"

    @property
    def budget_file(self) -> Path:
        """What this site has spent of its privacy: over all runs, or, simulated, in this federation."""
        return (self.home if self.simulated is None else self.memory.parent) / BUDGET

    @property
    def secrets(self) -> Secrets:
        """The site's source of secrets; derived from the seed in a simulation, and marked so."""
        if self.simulated is not None:
            return simulated_secrets(self.simulated, self.site)
        return site_secrets(self.home / SECRET)
