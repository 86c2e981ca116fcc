"""Emotion from micro-gestures of the body: a hypergraph-enhanced Transformer over skeletons (2025)."""

from typing import Any

from isofed.tasks.micro_gesture import evaluate, model, own, pictures, projected
from isofed.tasks.micro_gesture.joints import IMIGUE
from isofed.tasks.micro_gesture.layouts.layout import LAYOUTS
from isofed.tasks.micro_gesture.options import MicroGestureOptions
from isofed.tasks.micro_gesture.training import TRAINING
from isofed.tasks.private import grouped
from isofed.tasks.task import Task


def build(options: MicroGestureOptions, generator: Any) -> model.MicroGestureNet:
    """Return the network for the joints that the data have."""
    built = model.build(
        options.body or IMIGUE.name,
        options.depth,
        generator,
        heads=options.heads,
        width=options.width,
        up=options.up,
        kind=options.attends,
        alpha=options.alpha,
    )
    if options.norm == "group":
        grouped(built)
    return built


TASK = Task(
    name="micro_gesture",
    summary="emotion from micro-gestures of the body, with and without labels (H2OFormer, 2025)",
    options=MicroGestureOptions,
    levels=("camera", "entity", "sharing"),
    layouts=LAYOUTS,
    model=build,
    width=lambda options: options.width,
    evaluate=evaluate.measure,
    result=evaluate.result,
    benchmark=evaluate.described,
    pictures=pictures.rows,
    projection=projected.projected,
    baselines={
        "always positive": evaluate.measure_majority,
        "random emotions": evaluate.measure_random,
    },
    owner="room",
    subject="person",
    sample="clip",
    label="emotion",
    head=model.HEAD_PREFIXES,
    statistics=lambda options: options.norm == "batch",
    own=own.OWN,
    measures=evaluate.MEASURES,
    training=TRAINING,
)
