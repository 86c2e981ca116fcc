"""Finger vein: a generator of annotated images (FVeinSyn, 2025) and recognition across sensors."""

from collections.abc import Mapping
from typing import Any

from isofed.errors import ConfigError
from isofed.tasks.private import grouped
from isofed.tasks.task import Task
from isofed.tasks.vein import evaluate, model, own, pictures, weights
from isofed.tasks.vein.layouts.layout import LAYOUTS
from isofed.tasks.vein.options import VeinOptions
from isofed.tasks.vein.training import TRAINING

NOM = "utfvp"  # the one database with a rule of that name


def build(options: VeinOptions, generator: Any) -> model.VeinNet:
    """Return the network with ``options.classes`` rows in its head; with one where each site has its own."""
    classes = max(options.classes, 1)
    built = model.build(options.backbone, classes, generator, options.dimensions, options.scale)
    if options.norm == "group":
        grouped(built)
    return built


def width(options: VeinOptions) -> int:
    """Return the length of the embedding."""
    return options.dimensions or model.BACKBONES[options.backbone].dimensions


def benchmark(layout: str, options: VeinOptions) -> Mapping[str, Any]:
    """Return the rule by which a layout's fingers are compared.

    Raises:
        ConfigError: a rule that it does not have.
    """
    if options.rule == "nom" and layout != NOM:
        raise ConfigError(f"task.rule=nom is for data={NOM}, found data={layout}; write task.rule=open_set")
    return evaluate.described(layout, options)


TASK = Task(
    name="vein",
    summary="finger vein recognition across sensors, and its generator (FVeinSyn, 2025)",
    options=VeinOptions,
    levels=("camera", "camera_strict", "entity", "sharing"),
    layouts=LAYOUTS,
    model=build,
    width=width,
    evaluate=evaluate.measure,
    result=evaluate.result,
    benchmark=benchmark,
    pictures=pictures.rows,
    scores=evaluate.scores,
    projection=pictures.projected,
    baselines={"raw pixels": evaluate.measure_pixels, "random features": evaluate.measure_random},
    owner="sensor",
    subject="finger",
    label="finger",
    head=model.HEAD_PREFIXES,
    head_evaluated=False,
    statistics=lambda options: options.norm == "batch",
    refit=model.refit,
    load=weights.load,
    own=own.OWN,
    private_head=True,
    measures=evaluate.MEASURES,
    training=TRAINING,
)
