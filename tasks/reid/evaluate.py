"""The evaluator's measurement: infrared queries against the visible gallery, by the data set's own rule."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from isofed.seeds import public
from isofed.tasks.reid import augment
from isofed.tasks.reid.benchmarks import tally
from isofed.tasks.reid.benchmarks.benchmark import (
    Benchmark,
    benchmark,
    evaluate,
    gallery_draws,
    ranking,
    score_draws,
    summarise,
)
from isofed.tasks.reid.benchmarks.embeddings import Embeddings, embeddings
from isofed.tasks.reid.benchmarks.retrieval import RULES, Integers
from isofed.tasks.reid.layouts.images import Images
from isofed.tasks.reid.layouts.test_set import TestSet
from isofed.tasks.reid.layouts.tracklets import Tracklets
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.stems import Views
from isofed.tasks.task import Statistics

CHUNK = 128  # pictures that go through the network at a time
RANDOM_WIDTH = 256  # wide enough that the rankings of two queries have little to do with each other
THUMBNAIL = 64  # pixels
MODALITIES = ("infrared", "visible")  # of query and gallery, under every rule
Side = Images | Tracklets
Embed = Callable[[np.ndarray, bool], torch.Tensor]  # pictures, and whether they are infrared


def measure(model: Any, test: TestSet, options: ReidOptions) -> Statistics:
    """Return the sums of every repetition as ``<number>.<name>``, numbers from 00.

    The embedding is the unit vector after the neck, computed where the model lies.

    Raises:
        ConfigError: search, shots or draws do not go with the data set's rule.
    """
    return _measure(_network(model, options), test, options)


def measure_pixels(test: TestSet, options: ReidOptions) -> Statistics:
    """Measure raw pixels as if they were an embedding: what no learning at all gives."""
    return _measure(lambda pixels, _: F.normalize(augment.plain(pixels).flatten(1)), test, options)


def measure_random(test: TestSet, options: ReidOptions) -> Statistics:
    """Measure features drawn without looking at the images, seeded: a random ranking, which is chance."""
    draw = public(0, 0, "", "random features")

    def embed(pixels: np.ndarray, _: bool) -> torch.Tensor:
        return F.normalize(torch.from_numpy(draw.standard_normal((len(pixels), RANDOM_WIDTH))))

    return _measure(embed, test, options)


def result(statistics: Statistics) -> dict[str, dict[str, float]]:
    """Return ``mean`` and ``spread`` over the repetitions, and each as ``draw00`` ...: R1 to mINP of all."""
    sums: dict[str, dict[str, float]] = {}
    for name, value in statistics.items():
        draw, _, key = name.partition(".")
        sums.setdefault(draw, {})[key] = value
    draws = {f"draw{draw}": tally.from_scalars(sums[draw]) for draw in sorted(sums)}
    table = summarise(list(draws.values()))
    over = {kind: {key: row[kind] for key, row in table.items()} for kind in ("mean", "spread")}
    return over | {draw: found.result() for draw, found in draws.items()}


def described(rule: str, options: ReidOptions) -> dict[str, str | int | None]:
    """Return what is evaluated: ``benchmark``, ``search``, ``shots`` (None: whole gallery), ``draws``.

    Raises:
        ConfigError: search, shots or draws do not go with the rule.
    """
    # whether the published draws are there is known where the data are opened, not here
    asked = "agw" if options.draws == "official" and rule == "sysu" else options.draws
    setting = benchmark(rule, options.search, options.shots, asked)
    draws = setting.draws if asked == options.draws else options.draws
    shots = None if setting.draws == "none" else setting.shots
    return {"benchmark": rule, "search": setting.search, "shots": shots, "draws": draws}


def pictures(model: Any, test: TestSet, options: ReidOptions, rows: int = 10, hits: int = 10) -> list[Any]:
    """Return (query image, its caption, [(gallery image, right, caption)]) of queries spread over people.

    The gallery is that of the first repetition; a tracklet is shown by the frame in its middle.
    """
    query, gallery = _both(_network(model, options), test)
    asked, drawn = _repetitions(test, options, query, gallery)[0]
    chosen = asked[np.linspace(0, len(asked) - 1, rows).astype(int)]
    ranked = ranking(query.take(chosen), gallery.take(drawn), hits, test.rule)
    return [
        (
            _picture(test.query, row),
            f"camera {test.query.cams[row]}",
            [_hit(test.gallery, drawn[c], ok) for c, ok in zip(columns, right, strict=True) if c >= 0],
        )
        for row, columns, right in zip(chosen, ranked.columns, ranked.right, strict=True)
    ]


def projected(
    model: Any, test: TestSet, options: ReidOptions, most: int = 1000
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return an even choice of query and gallery for an embedding projector, queries first.

    Args:
        most: how many images or tracklets at most, half of them queries as far as both sides last.

    Returns:
        Unit vectors (n, D) float32, thumbnails (n, h, w, 3) uint8 of at most 64 pixels a side, identities
        (n,) and cameras (n,) int64 as published, and ``"infrared"`` or ``"visible"`` (n,).
    """
    queries = min(len(test.query), max(most // 2, most - len(test.gallery)))
    chosen = _even(len(test.query), queries), _even(len(test.gallery), most - queries)
    sides = list(zip((test.query, test.gallery), chosen, strict=True))
    embed = _network(model, options)
    found = [_embed(embed, side, side is test.query, rows) for side, rows in sides]
    return (
        np.concatenate([part.features for part in found]).astype(np.float32),
        np.stack([_thumbnail(_picture(side, row)) for side, rows in sides for row in rows]),
        np.concatenate([part.labels.ids for part in found]),
        np.concatenate([part.labels.cams for part in found]),
        np.repeat(MODALITIES, [len(rows) for rows in chosen]),
    )


def _even(count: int, most: int) -> Integers:
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def _thumbnail(picture: np.ndarray) -> np.ndarray:
    small = Image.fromarray(picture)
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    return np.asarray(small)


def _hit(gallery: Side, column: int, right: bool) -> tuple[np.ndarray, bool, str]:
    return _picture(gallery, column), bool(right), f"camera {gallery.cams[column]}"


def _picture(side: Side, row: int) -> np.ndarray:
    """Return the image, or the frame in the middle of those that stand for a tracklet: (H, W, 3) uint8."""
    found = np.asarray(side.batch(np.array([row])))[0]
    return found if found.ndim == 3 else found[len(found) // 2]


def _network(model: Any, options: ReidOptions) -> Embed:
    device = next(model.parameters()).device

    def embed(pixels: np.ndarray, infrared: bool) -> torch.Tensor:
        images = augment.plain(pixels, device)
        flags = torch.full((len(images),), infrared, device=device)
        return F.normalize(model(images if options.stems == 1 else Views(images, flags)).features)

    return embed


def _setting(test: TestSet, options: ReidOptions) -> Benchmark:
    return benchmark(test.rule, options.search, options.shots, options.draws, permutations=test.permutations)


def _repetitions(
    test: TestSet, options: ReidOptions, query: Embeddings, gallery: Embeddings
) -> Sequence[tuple[Integers, Integers]]:
    """Return (query rows, gallery rows) of each repetition: the data set's own, or all queries and a draw."""
    setting = _setting(test, options)
    if test.repetitions:
        return test.repetitions
    return [(np.arange(len(query)), drawn) for drawn in gallery_draws(setting, query, gallery)]


def _measure(embed: Embed, test: TestSet, options: ReidOptions) -> Statistics:
    setting = _setting(test, options)  # refused before anything is computed
    query, gallery = _both(embed, test)
    if test.repetitions:
        rule = RULES[test.rule]
        found = tuple(score_draws(query.take(q), gallery, rule, [g])[0] for q, g in test.repetitions)
    else:
        found = evaluate(setting, query, gallery)
    return {f"{d:02d}.{name}": v for d, draw in enumerate(found) for name, v in draw.to_scalars().items()}


def _both(embed: Embed, test: TestSet) -> tuple[Embeddings, Embeddings]:
    return _embed(embed, test.query, True), _embed(embed, test.gallery, False)


def _embed(embed: Embed, side: Side, infrared: bool, rows: Integers | None = None) -> Embeddings:
    """Embed a side, or some of its rows, a chunk at a time."""
    chosen = np.arange(len(side)) if rows is None else rows
    step = max(1, CHUNK // getattr(side, "count", 1))  # a tracklet is as many pictures as frames
    with torch.inference_mode():
        parts = [
            embed(side.batch(chosen[at : at + step]), infrared).cpu().numpy()
            for at in range(0, len(chosen), step)
        ]
    return embeddings("test", np.concatenate(parts), side.ids[chosen], side.cams[chosen])
