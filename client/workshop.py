"""What one process needs to serve sites: the setting, one reused model, and opened data."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isofed.client.agreed import setting_of
from isofed.client.holdout import split
from isofed.client.memory import Memory
from isofed.client.place import Place
from isofed.client.poisoned import poisoned
from isofed.client.shelf import BOUND, Shelf, plain
from isofed.contracts import Contract
from isofed.errors import ConfigError, ContractError
from isofed.protocols.declared import declared, refuse
from isofed.protocols.levels import contract
from isofed.protocols.local_privacy import quiet
from isofed.protocols.pipeline import Pipeline
from isofed.seeds import Secrets, public, public_key
from isofed.setting import Setting
from isofed.spans import DATA, spanned
from isofed.strategies.found import is_file
from isofed.strategies.local.trees import take
from isofed.strategies.share import FIXED, STAYING, TRAVELLING, flatten, homeless, housed, left
from isofed.trees import Tree, from_arrays, hash_arrays

COPIED = 1 << 20  # bytes of what is copied as fast as a model is laid over other memory
WITH_BASE = "+"  # in a digest, between that of the configuration and that of a frozen base


@dataclass(frozen=True)
class Workshop:
    """One process's model, laid over flat storage, and everything derived from the configuration.

    The model is built once and reused for every site and round; what differs between sites is loaded
    into it. Data stay open by site, as far as there is room.
    """

    setting: Setting
    device: str = "cpu"
    weights: Path | None = None
    _samples: Shelf = field(default_factory=Shelf, repr=False)
    _contracts: dict[str, Contract] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, cfg: str, device: str = "cpu", files: bool = True, weights: Path | None = None) -> "Workshop":
        """Build from the run's configuration as JSON.

        Args:
            cfg: the configuration.
            device: where to compute.
            files: whether a strategy may be a function in a file, which is then run.
            weights: file of public pre-trained weights that the model begins with, or None.

        Raises:
            ContractError: it is one, and may not.
        """
        read = json.loads(cfg)
        if not files and is_file(str(read["strategy"].get("name"))):
            raise ContractError(
                "the run's strategy is a function in a file, and a site runs no code that an order names; "
                "install the strategy here as a package, by the entry point isofed.strategies"
            )
        shop = cls(setting_of(read), device, weights)
        return shop._sealed() if shop.setting.recipe.share.freezes else shop

    def _sealed(self) -> "Workshop":
        """Return this workshop with what never travels, and so must be alike everywhere, in the digest."""
        base = hash_arrays(self.trees[FIXED[0]].numpy().items())
        setting = replace(self.setting, digest=f"{self.setting.digest}{WITH_BASE}{base}")
        sealed = replace(self, setting=setting)
        sealed.__dict__.update(model=self.model, trees=self.trees)
        return sealed

    @cached_property
    def model(self) -> Any:
        """The module, with the run's initial weights: the seed's, public ones over them, then adapters."""
        return self._made()

    def _made(self) -> Any:
        setting = self.setting
        model = setting.task.model(setting.options, self._generator("", "model"))
        if self.weights is not None:
            if setting.task.load is None:
                raise ConfigError(f"task '{setting.task.name}' reads no pre-trained weights; leave them out")
            setting.task.load(model, self.weights)
        if setting.recipe.share.adapt:
            setting.recipe.share.adapt(model, setting.task.head, self._generator("", "adapters"))
        return model.to(self.device).train()

    def train(self) -> None:
        """Put the model into training mode; where it is, that is left alone, because it takes a while."""
        if not self.model.training:
            self.model.train()

    @cached_property
    def trees(self) -> dict[str, Tree]:
        """The module's flat storage by group; see strategies/share.py."""
        return flatten(self.model, self.setting.recipe.share)

    @cached_property
    def parameters(self) -> Mapping[str, torch.nn.Parameter]:
        """The module's parameters by name."""
        assert self.trees
        return dict(self.model.named_parameters())

    @cached_property
    def frozen(self) -> frozenset[str]:
        """The names of the parameters that are never trained."""
        trained = self.setting.recipe.share.trained(self.model)
        return frozenset(name for name in self.parameters if not trained(name))

    @cached_property
    def initial(self) -> Mapping[str, Tree]:
        """The groups that stay at a site, as they were built: where a site without memory starts."""
        return {g: tree.numpy() for g, tree in self.trees.items() if g in STAYING}

    @cached_property
    def built(self) -> Tree:
        """What stays at a site, the head aside, as it was built; first asked for before anybody trained."""
        head, staying = self.setting.task.head, self.initial.values()
        return from_arrays({n: a for t in staying for n, a in t.items() if not n.startswith(head)})

    @cached_property
    def optimiser(self) -> torch.optim.Optimizer:
        """The one optimiser over the flat storage."""
        assert self.trees
        return self.setting.task.training.optimiser(self.model, self.setting.options)

    @cached_property
    def peaks(self) -> list[float]:
        """The optimiser's learning rates as the task set them."""
        return [group["lr"] for group in self.optimiser.param_groups]

    def load(self, group: str, tree: Tree) -> None:
        """Overwrite a group of the model."""
        if homeless(self.trees[group]):
            self.trees[group] = housed(self.model, self.trees[group])
        self.trees[group].copy_from(tree)

    def whole(self) -> None:
        """Let a model that was given away be used before it is loaded: it has its initial weights again."""
        missing = [group for group, tree in self.trees.items() if homeless(tree)]
        first = flatten(self._made(), self.setting.recipe.share) if missing else {}
        for group in missing:
            self.load(group, first[group])

    def give(self, group: str, lend: bool = False) -> Tree:
        """Return a group of the model as NumPy arrays that are the caller's: the last thing that is done with
        a model, which has to be loaded before it is used again.

        Args:
            group: its name.
            lend: show the model's own memory, because the caller copies it before the next order.
        """
        tree = self.trees[group]
        if lend:
            return tree.as_numpy()
        if self.device != "cpu" or tree.layout.nbytes < COPIED:
            return tree.numpy()
        self.trees[group] = left(self.model, tree)
        return tree.as_numpy()

    def fit(self, place: Place) -> None:
        """Where heads are private, give the model this site's own, as wide as the site has identities."""
        if not self.setting.level.private_head:
            return
        take(self.model, self.built)  # or a new site would begin with what the last one left
        self.setting.task.refit(self.model, self.classes(place), self._generator(place.site, "head"))
        self.model.to(self.device)
        self.trees.update(flatten(self.model, self.setting.recipe.share, (*STAYING, *FIXED)))
        for stale in ("initial", "parameters", "frozen", "optimiser", "peaks"):
            self.__dict__.pop(stale, None)

    def classes(self, place: Place) -> int:
        """Return the rows of the head that this site trains."""
        if not self.setting.level.private_head:
            return int(self.setting.options.classes)
        return len(np.unique(self.samples(place).labels))

    def contract(self, classes: int | None) -> Contract:
        """Return what a report of this run may hold; ``classes`` is None where only sites know it."""
        return self._once(f"contract {classes}", lambda: quiet(self.setting.dp, self._contract(classes)))

    def outside(self, classes: int | None) -> Contract:
        """Return what a report may hold once it has left the site, after the privacy steps."""
        return self._once(f"outside {classes}", lambda: self.pipeline.outside(self.contract(classes)))

    def _once(self, name: str, make: Callable[[], Contract]) -> Contract:
        if name not in self._contracts:  # it does not change with the site
            self._contracts[name] = make()
        return self._contracts[name]

    def _contract(self, classes: int | None) -> Contract:
        travelling, setting = {g: self.trees[g].layout for g in TRAVELLING}, self.setting
        changes = {n: (rule.meaning, travelling["model"]) for n, rule in setting.recipe.trees.items()}
        needs, head = setting.recipe.rule.needs, setting.task.head
        return contract(
            setting.level, setting.level_options, travelling, self.tables(classes), head, needs, changes
        )

    def memory(self, place: Place) -> Memory:
        """Return what a site remembers with: no more is written than will be read."""
        return Memory(place.memory, sections=self.remembers, answers=place.simulated is None)

    @cached_property
    def remembers(self) -> bool:
        """Whether a site keeps anything from round to round: of the model, its optimiser, or a local term."""
        setting, training = self.setting, self.setting.task.training
        scaled = training.precision(setting.options) == "fp16"
        stays = any(group in self.trees for group in STAYING)
        return bool(
            stays
            or scaled
            or training.keeps_optimiser(setting.options)
            or any(term.remember for term in setting.recipe.local)
        )

    @cached_property
    def pipeline(self) -> Pipeline:
        """The run's privacy steps."""
        return Pipeline(self.setting.recipe.privacy)

    def tables(self, classes: int | None = None) -> Mapping[str, tuple[str, int | None, int]]:
        """Return (meaning, rows, width) of the recipe's tables."""
        width = self.setting.task.width(self.setting.options)
        rows = classes if self.setting.level.private_head else self.setting.options.classes
        return {name: (rule.meaning, rows, width) for name, rule in self.setting.recipe.tables.items()}

    def held(self, place: Place) -> Mapping[str, int]:
        """Rows of each table that this site has something for: its distinct labels."""
        channels = self.setting.recipe.tables
        if not channels:
            return {}
        labels = self.samples(place).labels
        return dict.fromkeys(channels, len(np.unique(labels[labels >= 0])))

    def samples(self, place: Place) -> Any:
        """Open a site's samples to train on, once in this process while there is room."""
        return self._open("train", place, self._parted)[0]

    def held_out(self, place: Place) -> Any:
        """Return those of the site's samples that are never trained on, none where the holdout is 0."""
        return self._open("train", place, self._parted)[1]

    def test_data(self, place: Place) -> Any:
        """Open the benchmark's test data, once in this process while there is room."""
        return self._open("test", place, self._open_test)

    @property
    def _layout(self) -> Any:
        return self.setting.task.layouts[self.setting.layout]

    def _open_train(self, place: Place) -> Any:
        self._agreed(place.root, place.site)
        samples = self._layout.open_train(place.root, place.site, place.home / "train", self.setting.options)
        samples = replace(samples, inputs=plain(samples.inputs), labels=plain(samples.labels))
        if self.setting.level.private_head:
            samples = replace(samples, labels=_renumbered(samples.labels, place.secrets))
        # only a trainer that holds everything may know which sensor a picture is from
        return samples if self.setting.level.name == "sharing" else replace(samples, domains=None)

    def _parted(self, place: Place) -> Any:
        samples, share = poisoned(self._open_train(place), place, self.setting), self.setting.holdout
        # the same in every round, attempt, process; where nothing is drawn none is made, which takes a while
        rng = public(self.setting.seed, 0, place.site, "holdout") if share else None
        return split(samples, share, rng, self.setting.task.training.several)

    def _open_test(self, place: Place) -> Any:
        self._agreed(place.root, None)
        return self._layout.open_test(place.root, place.home / "test", self.setting.options)

    def _agreed(self, root: Path, site: str | None) -> None:
        for folder in self._layout.folders(root, site):
            refuse(self.setting.level.name, declared(folder))

    @spanned(DATA)
    def _open(self, what: str, place: Place, opener: Callable[[Place], Any]) -> Any:
        # where a round asks few of many sites, those asked now will not be asked again soon
        few = self.setting.cohort or self.setting.recipe.server.arrivals
        return self._samples.get(f"{what}:{place.shelf}", lambda: opener(place), BOUND if few else None)

    def _generator(self, site: str, purpose: str) -> torch.Generator:
        return torch.Generator().manual_seed(public_key(self.setting.seed, 0, site, purpose) % 2**63)


def _renumbered(labels: np.ndarray, secrets: Secrets) -> np.ndarray:
    """Return labels under the site's own numbers, 0 to n - 1 in an order that nobody else knows."""
    known, places = np.unique(labels, return_inverse=True)
    numbers = secrets.generator(0, 0, "identity numbers").permutation(len(known))
    return np.asarray(numbers[places], np.int64)
