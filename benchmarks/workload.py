"""The main job's round as a workload: synthetic data, a federation, and the bare loop over its batches."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bare import Bare

from isofed import seeds
from isofed.client.place import Place
from isofed.client.workshop import Workshop
from isofed.simulations.federation import Federation
from isofed.tasks import TASKS
from isofed.tasks.reid.options import ReidOptions


@contextmanager
def prepared(strategy: str = "fedavg", rounds: int = 1000) -> Iterator[Federation]:
    """Draw the default synthetic set and yield a federation over its six cameras."""
    layout = TASKS["reid"].layouts["sysu"]
    with tempfile.TemporaryDirectory(prefix="isofed-benchmark-") as name:
        folder = Path(name)
        layout.make(folder / "data", 0, layout.options(), map, None)
        cfg = {
            "run": "benchmark",
            "seed": 0,
            "rounds": rounds,
            "evaluate_every": 0,
            "layout": "sysu",
            "task": {"name": "reid", **layout.resolve(folder / "data", ReidOptions())},
            "protocol": {"name": "camera"},
            "strategy": {"name": strategy},
        }
        sites = tuple(site.name for site in layout.sites(folder / "data", "camera"))
        yield Federation("benchmark", cfg, sites, folder / "data", folder / "sites", folder / "run")


def bare(federation: Federation, bank: bool = False) -> Bare:
    """Return the bare loop over one round's batches of ``federation``."""
    shop = Workshop.of(json.dumps(federation.cfg))
    task, options, nodes = shop.setting.task, shop.setting.options, federation.nodes()
    batches, images = {}, {}
    for site in federation.sites:
        samples = shop.samples(Place.of(nodes[site].config))
        rng = seeds.public(0, 1, site, "benchmark")
        steps = task.training.sample(samples, options, rng)
        made = [task.training.transform(samples, chosen, options, rng, "cpu") for chosen in steps]
        batches[site] = [(batch.inputs, batch.labels) for batch in made]
        images[site] = len(samples)
    weights = {site: count / sum(images.values()) for site, count in images.items()}
    return Bare(shop.model, task.training.optimiser(shop.model, options), batches, weights, options, bank)
