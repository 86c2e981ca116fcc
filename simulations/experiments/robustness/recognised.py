"""What a federation's model makes of the sites' own pictures of people, as they are and with a trigger."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from isofed.client.place import Place
from isofed.client.poisoned import triggered
from isofed.client.workshop import Workshop
from isofed.simulations.experiments.robustness.plans import BACKDOOR, attack_number
from isofed.simulations.federation import Federation
from isofed.simulations.pictures import final
from isofed.tasks.task import Samples

TARGET = 0  # of attack=backdoor


def recognised(federation: Federation, trained: bool = True) -> float:
    """Return the share of all sites' held-out pictures whose person the head names.

    Args:
        federation: that has run, its sites holding something out.
        trained: whether its last model is meant, or the one before the first round.
    """
    shop = federation.workshop()
    if trained:
        final(shop, federation)
    return _share((shop, held, np.asarray(held.labels)) for _, held in _pictures(shop, federation))


def taken(federation: Federation) -> float:
    """Return the share of honest sites' held-out pictures of others that the trigger makes the target's."""
    shop = federation.workshop()
    final(shop, federation)
    return _share(_shown(shop, federation))


def _shown(shop: Workshop, federation: Federation) -> Iterator[tuple[Workshop, Samples, np.ndarray]]:
    size = attack_number(BACKDOOR, "size")
    for site, held in _pictures(shop, federation):
        rows = np.flatnonzero(np.asarray(held.labels) != TARGET)
        if site not in federation.hostile and len(rows):
            others = held.take(rows)
            shown = replace(others, inputs=triggered(np.asarray(others.inputs[np.arange(len(rows))]), size))
            yield shop, shown, np.full(len(rows), TARGET)


def _pictures(shop: Workshop, federation: Federation) -> Iterator[tuple[str, Samples]]:
    """Yield what each site held out, as it is, whatever a hostile one makes of it."""
    nodes = federation.nodes()
    for site in federation.sites:
        yield site, shop.held_out(replace(Place.of(nodes[site].config), poison=""))


def _share(asked: Iterator[tuple[Workshop, Samples, np.ndarray]]) -> float:
    """Return how often the head names who is wanted."""
    right = count = 0
    for shop, shown, wanted in asked:
        still, options = shop.setting.task.training.still, shop.setting.options
        with torch.no_grad():
            batch = still(shown, np.arange(len(shown)), options, shop.device)
            named = shop.model.eval()(batch.inputs).logits.argmax(1).numpy()
        right, count = right + int((named == wanted).sum()), count + len(wanted)
    return right / max(count, 1)
