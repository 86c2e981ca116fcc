"""Every strategy with every choice of privacy on the odd tasks: it runs, or one sentence says what to do."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from cases import World
from dummies import DUMMIES

from isofed.client.workshop import Workshop
from isofed.errors import CompositionError
from isofed.protocols.privacy import PRIVACY
from isofed.simulations.compatibility import ROWS, RUNS, cells, judged
from isofed.tasks import TASKS

Worlds = Callable[[str], World]
PLACES: Mapping[str, Mapping[str, Any]] = {
    name: {"layout": "points", "task": {"name": name}, "protocol": {"name": "camera"}} for name in DUMMIES
}
MENDS = ("; use ", "; write ", "; put ", "; leave ", "; share ")


@pytest.mark.parametrize("place", PLACES)
def test_every_cell_runs_or_says_what_to_do(place: str) -> None:
    found = {(c.strategy, c.privacy): judged(c, TASKS) for c in cells({place: PLACES[place]})}
    assert len(found) == len(ROWS) * len(PRIVACY)
    refused = {cell: text for cell, text in found.items() if text != RUNS}
    assert {c: t for c, t in refused.items() if not any(mend in t for mend in MENDS) or "\n" in t} == {}
    if place == "no_training":
        assert len(refused) == len(found)
    else:
        assert found["uniform", "none"] == found["fedbn, weights=equal", "gaussian"] == RUNS
        assert "hides nothing in running statistics" in found["uniform", "gaussian"]


@pytest.mark.parametrize("task", ["reid", *(name for name, task in DUMMIES.items() if task.training)])
def test_a_task_knows_whether_its_model_keeps_statistics(task: str, worlds: Worlds) -> None:
    shop = Workshop.of(json.dumps(worlds(task).cfg({"name": "fedavg"})))
    assert shop.setting.task.statistics(shop.setting.options) == bool(shop.trees["buffers"].layout.leaves)


def test_what_a_task_does_not_know_the_model_tells(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = {**worlds("batch_loss").cfg({"name": "uniform"}), "privacy": {"name": "gaussian"}}
    with pytest.raises(CompositionError, match="sends those of task 'batch_loss' beside the model"):
        Workshop.of(json.dumps(cfg))
    silent = replace(TASKS["batch_loss"], statistics=lambda options: False)
    monkeypatch.setitem(TASKS, "batch_loss", silent)
    shop = Workshop.of(json.dumps(cfg))
    with pytest.raises(CompositionError, match="but the model's leave beside it; keep them at the sites"):
        shop.outside(None)
