"""Action units of micro-expressions across databases: InfuseNet under CD6ME (2025)."""

from typing import Any

from isofed.tasks.action_units import evaluate, model, own, pictures, weights
from isofed.tasks.action_units.layouts.layout import LAYOUTS, LEVELS
from isofed.tasks.action_units.options import ActionUnitOptions
from isofed.tasks.action_units.resnet import STAGES
from isofed.tasks.action_units.training import TRAINING
from isofed.tasks.private import grouped
from isofed.tasks.task import Task


def build(options: ActionUnitOptions, generator: Any) -> model.InfuseNet:
    """Return the network, without the magnifier, which is public and frozen."""
    built = model.build(generator, options.width, options.scope, options.infuse)
    if options.norm == "group":
        grouped(built)
    return built


TASK = Task(
    name="action_units",
    summary="action units of micro-expressions across databases (InfuseNet, 2025)",
    options=ActionUnitOptions,
    levels=LEVELS,
    layouts=LAYOUTS,
    model=build,
    width=lambda options: STAGES[-1][0] * options.width,
    evaluate=evaluate.measure,
    result=evaluate.result,
    benchmark=evaluate.described,
    pictures=pictures.rows,
    baselines={"never there": evaluate.always(False), "always there": evaluate.always(True)},
    owner="database",
    subject="person",
    sample="clip",
    label="set of units",
    head=model.HEAD_PREFIXES,
    load=weights.load,
    statistics=lambda options: options.norm == "batch",
    own=own.OWN,
    measures=evaluate.MEASURES,
    training=TRAINING,
)
