"""The evaluator's measurement: infrared queries against the visible gallery, ten draws."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from isofed.seeds import public
from isofed.tasks.reid import augment
from isofed.tasks.reid.benchmarks.benchmark import benchmark, evaluate, gallery_draws, ranking, summarise
from isofed.tasks.reid.benchmarks.embeddings import Embeddings, embeddings
from isofed.tasks.reid.benchmarks.tally import from_scalars
from isofed.tasks.reid.layouts.images import Images
from isofed.tasks.reid.layouts.test_set import TestSet
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.task import Statistics

CHUNK = 128
RANDOM_WIDTH = 256  # wide enough that the rankings of two queries have little to do with each other
Embed = Callable[[np.ndarray], torch.Tensor]


def measure(model: Any, test: TestSet, options: ReidOptions) -> Statistics:
    """Return the sums of every draw as ``<draw>.<name>``; the embedding is the unit vector after the neck."""
    return _measure(_network(model), test, options)


def measure_pixels(test: TestSet, options: ReidOptions) -> Statistics:
    """Measure raw pixels as if they were an embedding: what no learning at all gives."""
    return _measure(lambda pixels: F.normalize(augment.plain(pixels).flatten(1)), test, options)


def measure_random(test: TestSet, options: ReidOptions) -> Statistics:
    """Measure features drawn without looking at the images, seeded: a random ranking, which is chance."""
    draw = public(0, 0, "", "random features")

    def embed(pixels: np.ndarray) -> torch.Tensor:
        return F.normalize(torch.from_numpy(draw.standard_normal((len(pixels), RANDOM_WIDTH))))

    return _measure(embed, test, options)


def result(statistics: Statistics) -> dict[str, dict[str, float]]:
    """Return ``{"mean": {R1..mINP}, "spread": {R1..mINP}}`` over the draws."""
    draws: dict[str, dict[str, float]] = {}
    for name, value in statistics.items():
        draw, _, key = name.partition(".")
        draws.setdefault(draw, {})[key] = value
    table = summarise([from_scalars(draws[draw]) for draw in sorted(draws)])
    return {kind: {key: row[kind] for key, row in table.items()} for kind in ("mean", "spread")}


def pictures(model: Any, test: TestSet, options: ReidOptions, rows: int = 10, hits: int = 10) -> list[Any]:
    """Return (query image, its caption, [(gallery image, right, caption)]) of queries spread over people."""
    query, gallery = _embed(_network(model), test.query), _embed(_network(model), test.gallery)
    drawn = gallery_draws(_benchmark(test, options), query, gallery)[0]
    chosen = np.linspace(0, len(test.query) - 1, rows).astype(int)
    ranked = ranking(query.take(chosen), gallery.take(drawn), hits, "sysu")
    return [
        (
            np.asarray(test.query.pixels[row]),
            f"camera {test.query.cams[row]}",
            [_hit(test.gallery, drawn[c], ok) for c, ok in zip(columns, right, strict=True) if c >= 0],
        )
        for row, columns, right in zip(chosen, ranked.columns, ranked.right, strict=True)
    ]


def _hit(gallery: Images, column: int, right: bool) -> tuple[np.ndarray, bool, str]:
    return np.asarray(gallery.pixels[column]), bool(right), f"camera {gallery.cams[column]}"


def _network(model: Any) -> Embed:
    return lambda pixels: F.normalize(model(augment.plain(pixels)).features)


def _benchmark(test: TestSet, options: ReidOptions) -> Any:
    return benchmark("sysu", options.search, options.shots, options.draws, permutations=test.permutations)


def _measure(embed: Embed, test: TestSet, options: ReidOptions) -> Statistics:
    query, gallery = _embed(embed, test.query), _embed(embed, test.gallery)
    draws = evaluate(_benchmark(test, options), query, gallery)
    return {f"{d:02d}.{name}": v for d, draw in enumerate(draws) for name, v in draw.to_scalars().items()}


def _embed(embed: Embed, images: Images) -> Embeddings:
    with torch.inference_mode():
        parts = [embed(images.pixels[at : at + CHUNK]).numpy() for at in range(0, len(images), CHUNK)]
    return embeddings("test", np.concatenate(parts), images.ids, images.cams)
