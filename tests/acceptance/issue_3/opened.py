"""A tree of tiny images, opened as clients, entities, a pooled trainer and the evaluator open it."""

import importlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from published import Client

from isofed.protocols.levels import LEVELS, LevelOptions
from isofed.setting import Setting, build
from isofed.strategies.named import STRATEGIES
from isofed.strategies.rules import COUNTS
from isofed.tasks import TASKS
from isofed.tasks.reid.benchmarks.benchmark import benchmark, gallery_draws
from isofed.tasks.reid.benchmarks.embeddings import Embeddings, embeddings
from isofed.tasks.reid.layouts.common import INFRARED, POOLED, VISIBLE
from isofed.tasks.reid.layouts.groups import FOLDERS
from isofed.tasks.task import DataLayout, Samples

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

    def train(self, site: str) -> Samples:
        """Open a site's samples; entities and a pooled trainer hold the same and share a cache."""
        cache = self.cache / ("all" if site == POOLED or site in FOLDERS else site)
        return self.layout.open_train(self.root, site, cache, self.setting.options)

    def names(self, level: str) -> list[str]:
        """Return the owners under a level."""
        return [site.name for site in self.layout.sites(self.root, level)]

    def counted(self, samples: Samples) -> int:
        """Return the examples that an update stands for, as a client counts them."""
        options = self.setting.options
        batch = options.batch_identities * options.batch_images
        return COUNTS[self.setting.recipe.count](len(samples), batch)


def write(folder: Path, name: str) -> Path:
    """Write the tree of a layout below ``folder``, where groups of data sets look for it."""
    root = folder / FOLDERS[name]
    importlib.import_module(f"trees.{name}").write(root)
    return root


def open_tree(
    root: Path, cache: Path, name: str, level: str, batch: tuple[int, int], split: int = 1
) -> Opened:
    """Open a tree by the layout called ``name``, which tells the task what only the data can tell."""
    layout, made = TASKS["reid"].layouts[name], setting(name, level, batch)
    options = replace(made.options, split=split)
    options = replace(options, **layout.resolve(root, options))
    return Opened(root, cache, layout, replace(made, options=options))


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
    """Open the test half; return queries, gallery images in a draw or repetition, and how many of those."""
    cache = opened.cache / f"test {opened.layout.name}"
    test = opened.layout.open_test(opened.root, cache, opened.setting.options)
    rule = benchmark(test.rule, draws=draws, permutations=test.permutations)
    sides = _blank("query", test.query), _blank("gallery", test.gallery)
    pairs = test.repetitions or [(test.query.ids, drawn) for drawn in gallery_draws(rule, *sides)]
    ((query, gallery),) = {(len(asked), len(drawn)) for asked, drawn in pairs}
    return {"query": query, "gallery": gallery, "draws": len(pairs)}


def _blank(side: str, images: Any) -> Embeddings:
    return embeddings(side, np.ones((len(images), 1)), images.ids, images.cams)


def setting(name: str, level: str, batch: tuple[int, int]) -> Setting:
    """Return the setting that counts images as the released code does."""
    task = {"name": "reid", "height": SIZE, "width": SIZE}
    task |= {"batch_identities": batch[0], "batch_images": batch[1]}
    strategy = {"name": "fedavg", "count": "full_batches"}
    cfg = {"run": "counts", "seed": 0, "rounds": 50, "evaluate_every": 0, "layout": name, "task": task}
    cfg |= {"protocol": {"name": level}, "strategy": strategy}
    return build(cfg, TASKS, STRATEGIES, LEVELS, LevelOptions)
