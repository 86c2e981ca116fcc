"""What TensorBoard shows of a finished run beside its curves: pictures, embedding, configuration.

Gallery and embedding hold pictures of the evaluator's test data, as the report does: they are for whoever
may see those data.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from isofed.simulations.compare.settings import CHOICES, SILENT, flat
from isofed.simulations.projector import Projection, write_projection
from isofed.simulations.report.gallery import Gallery, GalleryRow, Pixels
from isofed.simulations.tensorboard import open_writer

HEIGHT, FRAME, GAP = 128, 4, 6  # pixels: of a picture, of the frame around it, between two
QUERY, RIGHT, WRONG, PAPER = (128, 128, 128), (0, 150, 95), (205, 60, 20), (255, 255, 255)
NOTE = (
    "Gallery and embedding show the evaluator's own test pictures. They lie on the machine that "
    "simulates, were sent by no site, and are for nobody who may not see those data."
)
FINAL = "final"
ALWAYS = ("seed", "rounds", *CHOICES.values())


@dataclass(frozen=True)
class Finished:
    """What a finished run shows.

    Args:
        step: the last round.
        config: the resolved configuration, with ``overrides``, the words the user wrote.
        metrics: fractions of the final model, by name.
        gallery: retrieved pictures, or None.
        projection: the embedding, or None.
    """

    step: int
    config: Mapping[str, Any]
    metrics: Mapping[str, float]
    gallery: Gallery | None = None
    projection: Projection | None = None


def publish(board: Path, run: str, found: Finished) -> None:
    """Add a finished run's pictures, embedding, configuration and hyper-parameters to its TensorBoard folder.

    Each query with its hits is one image, ``gallery/query_01``. Hyper-parameters are the keys that the user
    set and the names of the groups; they stand with the final metrics alone in a run of their own,
    ``final``, because TensorBoard sets every scalar of a run beside its hyper-parameters.

    Args:
        board: the folder that TensorBoard is shown.
        run: name of the run to which the pictures belong, such as ``federated``.
        found: what to show.

    Raises:
        ConfigError: TensorBoard is not installed.
    """
    with closing(open_writer(board / run)) as writer:
        for number, row in enumerate(found.gallery.rows if found.gallery else (), 1):
            writer.image(found.step, f"gallery/query_{number:02d}", strip(row))
        writer.summary(found.step, _text("configuration", _code(found.config)))
        if found.gallery or found.projection:
            writer.summary(found.step, _text("whose_pictures", NOTE))
    if found.projection:
        write_projection(board / run, found.projection)
    hparams = import_module("tensorboard.plugins.hparams.summary_v2")
    with closing(open_writer(board / FINAL)) as writer:
        writer.summary(found.step, hparams.hparams_pb(chosen(found.config)))
        writer.scalars(found.step, {f"{FINAL}/{name}": value for name, value in found.metrics.items()})


def _text(tag: str, words: str) -> Any:
    return import_module("tensorboard.plugins.text.summary_v2").text_pb(tag, words)


def _code(config: Mapping[str, Any]) -> str:
    """Return the configuration as Markdown shows it unchanged."""
    lines = json.dumps(config, indent=2, ensure_ascii=False, default=str).splitlines()
    return "\n".join(f"    {line}" for line in lines)


def chosen(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flat keys that the user set, and the names of the groups, with their values."""
    values = flat(config)
    keys = (*ALWAYS, *_written(config.get("overrides") or ()))
    plain = {key: values[key] for key in dict.fromkeys(keys) if key in values and key not in SILENT}
    return {key: v if isinstance(v, bool | int | float | str) else json.dumps(v) for key, v in plain.items()}


def _written(overrides: Sequence[object]) -> Iterator[str]:
    for word in overrides:
        key = str(word).partition("=")[0].lstrip("+~")
        yield CHOICES.get(key, key)


def strip(row: GalleryRow) -> Pixels:
    """Return a query and its hits side by side: grey frame, then green, or red with a cross, for each hit,
    and grey again where nothing can be right."""
    pictures = [_framed(row.query, QUERY)]
    colours = {True: RIGHT, False: WRONG, None: QUERY}
    pictures += [_framed(hit.image, colours[hit.right], cross=hit.right is False) for hit in row.hits]
    width = sum(picture.width for picture in pictures) + GAP * (len(pictures) + 2)
    whole, at = Image.new("RGB", (width, HEIGHT + 2 * FRAME), PAPER), 0
    for place, picture in enumerate(pictures):
        whole.paste(picture, (at, 0))
        at += picture.width + (GAP if place else 3 * GAP)
    return np.asarray(whole)


def _framed(image: Pixels, colour: tuple[int, int, int], cross: bool = False) -> Image.Image:
    picture = Image.fromarray(image).convert("RGB")
    width = max(1, round(picture.width * HEIGHT / picture.height))
    whole = Image.new("RGB", (width + 2 * FRAME, HEIGHT + 2 * FRAME), colour)
    whole.paste(picture.resize((width, HEIGHT), Image.Resampling.LANCZOS), (FRAME, FRAME))
    if cross:
        # a frame's colour alone does not tell everybody right from wrong
        _cross(ImageDraw.Draw(whole), whole.width - FRAME - 2, FRAME + 1, colour)
    return whole


def _cross(draw: ImageDraw.ImageDraw, right: int, top: int, colour: tuple[int, int, int]) -> None:
    left, bottom = right - 12, top + 12
    draw.rectangle((left - 2, top - 1, right + 2, bottom + 2), fill=PAPER)
    draw.line((left, top, right, bottom), fill=colour, width=3)
    draw.line((left, bottom, right, top), fill=colour, width=3)
