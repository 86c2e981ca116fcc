"""Rows of a gallery, and points for an embedding projector: tested pictures as the final model sees them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from isofed.tasks.vein.benchmarks import pairs, rules
from isofed.tasks.vein.evaluate import embed
from isofed.tasks.vein.layouts.halves import TestSet
from isofed.tasks.vein.layouts.opening import Tests
from isofed.tasks.vein.options import VeinOptions

THUMBNAIL = 64  # pixels
Integers = NDArray[np.int64]


def rows(model: Any, tests: Tests, options: VeinOptions, count: int = 10, hits: int = 5) -> list[Any]:
    """Return (probe, its caption, [(enrolled picture, right, caption)]) of probes spread over all sensors.

    Pictures are (H, W) uint8; each finger is enrolled once, by the first picture of it, and the fingers most
    alike come first.
    """
    share = -(-count // len(tests.sets))
    return [row for name, test in tests.sets.items() for row in _rows(model, name, test, share, hits)][:count]


def _rows(model: Any, name: str, test: TestSet, count: int, hits: int) -> list[Any]:
    takes, pixels = test.fingers.takes, test.fingers.pixels
    enrolled, probes = rules.gallery(takes)
    asked = probes[np.linspace(0, len(probes) - 1, min(count, len(probes))).astype(int)]
    known, vectors = (pairs.unit(embed(model, pixels[rows])) for rows in (enrolled, asked))
    ids, scores = takes.ids(), vectors @ known.T
    best = np.argsort(-scores, axis=1, kind="stable")[:, :hits]
    return [
        (
            np.asarray(pixels[row]),
            name,
            [
                (np.asarray(pixels[enrolled[c]]), bool(ids[enrolled[c]] == ids[row]), f"{scores[n, c]:.2f}")
                for c in columns
            ],
        )
        for n, (row, columns) in enumerate(zip(asked, best, strict=True))
    ]


def projected(
    model: Any, tests: Tests, options: VeinOptions, most: int = 1000
) -> tuple[NDArray[np.float32], NDArray[np.uint8], Integers, Integers, NDArray[np.str_]]:
    """Return an even choice of the tested pictures for an embedding projector.

    Returns:
        Unit vectors (n, D), thumbnails (n, h, w, 3) of at most 64 pixels a side, and of each the finger,
        counted within its sensor, the sensor's place and the sensor's name.
    """
    share = max(1, most // len(tests.sets))
    chosen = [(name, test.fingers, _even(len(test.fingers), share)) for name, test in tests.sets.items()]
    sizes = [len(places) for *_, places in chosen]
    return (
        np.concatenate([pairs.unit(embed(model, f.pixels[places])) for _, f, places in chosen]),
        np.stack([_thumbnail(np.asarray(f.pixels[row])) for _, f, places in chosen for row in places]),
        np.concatenate([f.takes.ids()[places] for _, f, places in chosen]),
        np.repeat(np.arange(len(chosen)), sizes),
        np.repeat([name for name, *_ in chosen], sizes),
    )


def _even(count: int, most: int) -> Integers:
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def _thumbnail(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    small = Image.fromarray(picture).convert("RGB")
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    return np.asarray(small)
