"""What each site holds, found by opening its data before the first round."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isofed.client.place import EVALUATOR, Place
from isofed.client.workshop import Workshop
from isofed.errors import CheckpointError, DataError
from isofed.simulations.federation import Federation
from isofed.simulations.report.words import several

Words = tuple[str, str]
WORDS: Words = ("image", "identity")


def same(path: Path, facts: Mapping[str, Any], words: Words = WORDS) -> None:
    """Refuse to go on with other data than a run began with: its weights would be of neither.

    Args:
        path: where the facts were written when the run began.
        facts: now, by site.
        words: what a sample is, and what a label names.

    Raises:
        CheckpointError: they differ, or the file is damaged.
    """
    if not path.exists():
        return
    try:
        before = dict(json.loads(path.read_text()))
    except (ValueError, TypeError):
        raise CheckpointError(f"'{path}' is damaged; delete it and resume the run") from None
    for name in sorted({*before, *facts}):
        if before.get(name) != facts.get(name):
            raise CheckpointError(
                f"the training data of {name} changed after this run began: "
                f"{_held(before.get(name), words)} then, {_held(facts.get(name), words)} now; put the old "
                "data back, or start a new run in another folder"
            )


def _held(site: Mapping[str, Any] | None, words: Words) -> str:
    if site is None:
        return "nothing"
    sample, label = words
    labels = f" of {several(site['identities'], label)}" if "identities" in site else ""
    return several(site.get("images", 0), sample) + labels


@dataclass(frozen=True)
class Open:
    """Open a site's training data, or with None the evaluator's, in a worker, and count."""

    federation: Federation

    def __call__(self, site: str | None) -> dict[str, int]:
        shop = Workshop.of(json.dumps(self.federation.cfg))
        nodes = self.federation.nodes()
        if site is None:
            shop.test_data(Place.of(nodes[EVALUATOR].config))
            return {}
        samples = shop.samples(Place.of(nodes[site].config))
        if len(samples) == 0:
            kind = shop.setting.task.sample
            raise DataError(f"{site} holds no training {kind}s; leave it out or copy its data again")
        held = len(shop.held_out(Place.of(nodes[site].config)))
        found = {"images": len(samples), "identities": len(set(samples.labels.tolist()) - {-1})}
        return found | ({"held_out": held} if held else {})
