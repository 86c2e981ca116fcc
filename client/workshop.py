"""What one process needs to serve sites: the setting, one reused model, and opened data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isofed.contracts import Contract
from isofed.errors import ConfigError, ContractError
from isofed.protocols.levels import LEVELS, LevelOptions, contract
from isofed.seeds import public_key
from isofed.setting import Setting, build
from isofed.strategies.named import STRATEGIES
from isofed.strategies.share import TRAVELLING, flatten
from isofed.tasks import TASKS
from isofed.trees import Tree

TRAINER, EVALUATOR = "trainer", "evaluator"
PLACE_KEYS = ("site", "role", "root", "home", "memory", "level", "min_images")


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
        role: ``trainer`` or ``evaluator``; nobody is both.
        device: where this site computes, such as ``cpu`` or ``cuda:0``.
    """

    site: str
    root: Path
    home: Path
    memory: Path
    level: str
    min_images: int
    role: str = TRAINER
    device: str = "cpu"

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
        )

    def allow(self, setting: Setting, role: str) -> None:
        """Raise ContractError unless this node agreed to the run's level and to this kind of work."""
        if self.role != role:
            raise ContractError(
                f"{self.site} is {self.role}, but the order is for role {role}; ask another node"
            )
        if setting.level.name != self.level or setting.level_options.min_images < self.min_images:
            raise ContractError(
                f"the run's protocol is '{setting.level.name}' with min_images "
                f"{setting.level_options.min_images}, but {self.site} agreed to '{self.level}' with at least "
                f"{self.min_images}; change the run, or the site's own configuration"
            )


@dataclass(frozen=True)
class Workshop:
    """One process's model, laid over flat storage, and everything derived from the configuration.

    The model is built once and reused for every site and round; what differs between sites is loaded
    into it. Data stay open by site.
    """

    setting: Setting
    _samples: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, cfg: str) -> "Workshop":
        """Build from the run's configuration as JSON."""
        return cls(build(json.loads(cfg), TASKS, STRATEGIES, LEVELS, LevelOptions))

    @cached_property
    def model(self) -> Any:
        """The module, with the run's initial weights."""
        generator = torch.Generator().manual_seed(public_key(self.setting.seed, 0, "", "model") % 2**63)
        return self.setting.task.model(self.setting.options, generator)

    @cached_property
    def trees(self) -> Mapping[str, Tree]:
        """The module's flat storage by group; see strategies/share.py."""
        return flatten(self.model, self.setting.recipe.share)

    @cached_property
    def initial(self) -> Mapping[str, Tree]:
        """The groups that stay at a site, as they were built: where a site without memory starts."""
        return {g: tree.numpy() for g, tree in self.trees.items() if g not in TRAVELLING}

    @cached_property
    def optimiser(self) -> torch.optim.Optimizer:
        """The one optimiser over the flat storage."""
        assert self.trees
        return self.setting.task.training.optimiser(self.model, self.setting.options)

    @cached_property
    def peaks(self) -> list[float]:
        """The optimiser's learning rates as the task set them."""
        return [group["lr"] for group in self.optimiser.param_groups]

    @cached_property
    def contract(self) -> Contract:
        """What a report of this run may hold."""
        travelling = {g: self.trees[g].layout for g in TRAVELLING}
        setting = self.setting
        return contract(setting.level, setting.level_options, travelling, self.tables, setting.task.head)

    @property
    def tables(self) -> Mapping[str, tuple[str, int, int]]:
        """(meaning, rows, width) of the recipe's tables."""
        size = (self.setting.options.classes, self.setting.task.width(self.setting.options))
        return {name: (rule.meaning, *size) for name, rule in self.setting.recipe.channels.items()}

    def held(self, place: Place) -> Mapping[str, int]:
        """Rows of each table that this site has something for: its distinct labels."""
        present = len(np.unique(self.samples(place).labels)) if self.tables else 0
        return dict.fromkeys(self.tables, present)

    def samples(self, place: Place) -> Any:
        """Open a site's training data, once in this process."""
        return self._open("train", place, self._layout.open_train, place.root, place.site)

    def test_data(self, place: Place) -> Any:
        """Open the benchmark's test data, once in this process."""
        return self._open("test", place, self._layout.open_test, place.root)

    @property
    def _layout(self) -> Any:
        return self.setting.task.layouts[self.setting.layout]

    def _open(self, what: str, place: Place, opener: Any, *where: Any) -> Any:
        key = f"{what}:{place.home}"
        if key not in self._samples:
            self._samples[key] = opener(*where, place.home / what, self.setting.options)
        return self._samples[key]
