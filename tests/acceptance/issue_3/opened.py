"""A tree of tiny images, opened as clients, entities, a pooled trainer and the evaluator open it."""

import importlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from published import Client, Table

from isofed.protocols.levels import LEVELS, LevelOptions
from isofed.setting import Setting, build
from isofed.strategies.named import STRATEGIES
from isofed.strategies.rules import COUNTS
from isofed.tasks import TASKS
from isofed.tasks.reid.benchmarks.benchmark import benchmark, gallery_draws
from isofed.tasks.reid.benchmarks.embeddings import Embeddings, embeddings
from isofed.tasks.reid.layouts.common import INFRARED, VISIBLE
from isofed.tasks.task import DataLayout, Finding, Samples

SIZE = 16  # pixels, the smallest that the task takes
MODALITY = {(VISIBLE,): "visible", (INFRARED,): "infrared", (VISIBLE, INFRARED): "both"}


@dataclass(frozen=True)
class Opened:
    """A tree with what opens it.

    Attributes:
        root, cache: folders of the tree and of what is decoded from it.
        layout: which opens it.
        setting: the released code's way of counting, at the smallest size of image.
    """

    root: Path
    cache: Path
    layout: DataLayout
    setting: Setting

    def split(self, number: int) -> "Opened":
        """Choose a published split, and learn the number of classes from the data."""
        options = replace(self.setting.options, split=number)
        options = replace(options, **self.layout.resolve(self.root, options))
        return replace(
            self, setting=replace(self.setting, options=options), cache=self.cache / f"split{number}"
        )

    def train(self, site: str) -> Samples:
        """Open a site's samples; an entity and a pooled trainer hold the same and share a cache."""
        cache = self.cache / (site if site.startswith("cam") else "all")
        return self.layout.open_train(self.root, site, cache, self.setting.options)

    def names(self, level: str) -> list[str]:
        """Return the owners under a level."""
        return [site.name for site in self.layout.sites(self.root, level)]

    def counted(self, samples: Samples) -> int:
        """Return the examples that an update stands for, as a client counts them."""
        options = self.setting.options
        batch = options.batch_identities * options.batch_images
        return COUNTS[self.setting.recipe.count](len(samples), batch)


def write(folder: Path, name: str, table: Table) -> Opened:
    """Write the tree of a layout below ``folder``."""
    root = folder / name
    importlib.import_module(f"trees.{name}").write(root)
    return Opened(root, folder / f"{name}.cache", TASKS["reid"].layouts[name], setting(name, table))


def clients(opened: Opened) -> tuple[dict[str, Client], int]:
    """Open every camera; return what each holds, and how many persons they hold together."""
    samples = {name: opened.train(name) for name in opened.names("camera")}
    counted = {name: opened.counted(own) for name, own in samples.items()}
    total = sum(counted.values())
    persons = {name: np.unique(own.labels) for name, own in samples.items()}
    found = {
        name: Client(
            modality=MODALITY[tuple(np.unique(own.domains).tolist())],
            identities=len(persons[name]),
            images=len(own),
            counted=counted[name],
            weight=round(counted[name] / total, 5),
        )
        for name, own in samples.items()
    }
    return found, len(np.unique(np.concatenate(list(persons.values()))))


def evaluation(opened: Opened, draws: str = "auto") -> dict[str, int]:
    """Open the test half; return the numbers of queries, of gallery images in a draw, and of draws."""
    test = opened.layout.open_test(opened.root, opened.cache / "test", opened.setting.options)
    rule = benchmark(test.rule, draws=draws, permutations=test.permutations)
    galleries = gallery_draws(rule, _blank("query", test.query), _blank("gallery", test.gallery))
    (size,) = {len(gallery) for gallery in galleries}
    return {"query": len(test.query), "gallery": size, "draws": len(galleries)}


def amiss(opened: Opened) -> list[Finding]:
    """Check the tree as ``isofed data check`` does and return what does not fit."""
    return [finding for finding in opened.layout.check(opened.root, None) if not finding.ok]


def _blank(side: str, images: Any) -> Embeddings:
    return embeddings(side, np.ones((len(images), 1)), images.ids, images.cams)


def setting(name: str, table: Table) -> Setting:
    """Return the setting that counts images as the released code does."""
    persons, images = table.batch
    task = {
        "name": "reid",
        "height": SIZE,
        "width": SIZE,
        "batch_identities": persons,
        "batch_images": images,
    }
    strategy = {"name": "fedavg", "count": "full_batches"}
    cfg = {"run": "counts", "seed": 0, "rounds": 50, "evaluate_every": 0, "layout": name, "task": task}
    cfg |= {"protocol": {"name": "camera"}, "strategy": strategy}
    return build(cfg, TASKS, STRATEGIES, LEVELS, LevelOptions)
