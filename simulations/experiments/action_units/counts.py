"""What every run's last model finds on the database left out, as counts that merge over folds."""

import json
from collections.abc import Iterable, Mapping
from functools import reduce

from isofed.files import write_json
from isofed.simulations.federation import Federation
from isofed.simulations.pictures import final
from isofed.tasks.action_units import TASK
from isofed.tasks.task import Statistics, merge

FILE = "counts.json"
MODEL = "model"
Counts = Mapping[str, Statistics]  # of the model, and of answers that look at nothing


def answer(federation: Federation) -> Counts:
    """Return the counts of a run's last model and of the task's baselines; they are kept beside the run."""
    place = federation.folder / FILE
    if place.exists():
        return dict(json.loads(place.read_text()))
    shop = federation.workshop()
    options = shop.setting.options
    model, test = final(shop, federation)
    found = {MODEL: dict(TASK.evaluate(model, test, options))}
    found |= {name: dict(measure(test, options)) for name, measure in TASK.baselines.items()}
    write_json(place, found)
    return found


def merged(found: Iterable[Statistics]) -> Mapping[str, Mapping[str, float]]:
    """Return the task's measures of several runs' counts together."""
    return TASK.result(reduce(merge, found))
