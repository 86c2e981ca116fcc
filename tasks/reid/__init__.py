"""Visible-infrared person re-identification (L2RW, CVPR 2025)."""

from collections.abc import Mapping
from typing import Any

from isofed.errors import ConfigError
from isofed.tasks.reid import evaluate, model, own, weights
from isofed.tasks.reid.layouts.buptcampus.layout import BUPTCAMPUS
from isofed.tasks.reid.layouts.groups import GROUPS
from isofed.tasks.reid.layouts.hitsz_vcm.layout import HITSZ_VCM
from isofed.tasks.reid.layouts.llcm.layout import LLCM
from isofed.tasks.reid.layouts.regdb.layout import REGDB
from isofed.tasks.reid.layouts.sysu.layout import SYSU
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.options_levels import refusal
from isofed.tasks.reid.train import TRAINING
from isofed.tasks.task import Task

PAIRED = "buptcampus"  # the one data set of pairs


def build(options: ReidOptions, generator: Any) -> model.ReidNet:
    """Return the network with ``options.classes`` rows in its head; with one where each site has its own."""
    return model.build(options, max(options.classes, 1), generator)


def benchmark(layout: str, options: ReidOptions) -> Mapping[str, Any]:
    """Return the rules of the data set that is tested on; a group's is the one after ``_to_``.

    Raises:
        ConfigError: rules, or batches of pairs, that the data set does not have.
    """
    if options.paired and PAIRED not in layout.partition("_to_")[0]:
        raise ConfigError(
            f"task.paired=true needs paired tracklets, which {layout} has not; use data={PAIRED}"
        )
    return evaluate.described(layout.rpartition("_to_")[2], options)


TASK = Task(
    name="reid",
    summary="visible-infrared person re-identification (L2RW, CVPR 2025)",
    options=ReidOptions,
    levels=("camera", "camera_strict", "entity", "sharing"),
    layouts={
        "sysu": SYSU,
        "regdb": REGDB,
        "llcm": LLCM,
        "hitsz_vcm": HITSZ_VCM,
        "buptcampus": BUPTCAMPUS,
        **GROUPS,
    },
    model=build,
    width=lambda options: options.dimensions,
    evaluate=evaluate.measure,
    result=evaluate.result,
    benchmark=benchmark,
    pictures=evaluate.pictures,
    projection=evaluate.projected,
    baselines={"raw pixels": evaluate.measure_pixels, "random features": evaluate.measure_random},
    owner="camera",
    subject="person",
    head=model.HEAD_PREFIXES,
    head_evaluated=False,
    refit=model.refit,
    load=weights.load,
    suits=refusal,
    statistics=lambda options: options.norm == "batch",
    own=own.OWN,
    training=TRAINING,
)
