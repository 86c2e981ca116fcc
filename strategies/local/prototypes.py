"""FedProto's regulariser."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from isofed.config import within
from isofed.records import Table
from isofed.strategies.local.rectify import CHANNEL, Bank, begin, collect, finish
from isofed.strategies.recipe import LocalTerm, Seen, TermStart

ALL_IMAGES = 1_000_000  # K that no class of a site reaches: a prototype is the mean of all its features


@dataclass(frozen=True)
class Prototypes:
    """One round at one site: its features so far, and which classes have a global prototype, (C,)."""

    bank: Bank
    known: Any


def prototypes(lam: float) -> LocalTerm:
    """Pull every feature towards its class's global prototype: + λ · mean of ‖z_i - C̄_{y_i}‖² / D.

    The site hands back the mean of the features that it saw of each class in this round; one of which a
    single image makes more than 1/min_images stays at the site. A class without a global prototype is not
    pulled, and nothing is in the first round, nor is an image whose class nobody knows.

    Args:
        lam: λ, at least 0.

    Source: Tan et al., FedProto, AAAI 2022, eq. 3, 6 and 7; the distance is divided by D and taken of every
    feature, as the released code has it, where eq. 7 compares the prototypes themselves.
    """
    within("lam", lam, 0.0, 1e6)

    def add(state: Prototypes, seen: Seen) -> torch.Tensor | None:
        collect(state.bank, seen, normalise=False)
        if state.bank.targets is None:
            return None
        rows = seen.labels.clamp(min=0)
        apart = (seen.output.features - state.bank.targets[rows]).square().mean(1)
        return lam * (apart * (state.known[rows] & (seen.labels >= 0))).mean()

    return LocalTerm(
        f"prototypes(lam={lam})",
        start=_start,
        loss=add,
        finish=lambda state, done: finish(state.bank, ALL_IMAGES),
        sends=(CHANNEL,),
        needs=("features", "classes"),
    )


def _start(given: TermStart) -> Prototypes:
    bank, table = begin(given), given.channels.get(CHANNEL)
    known = np.asarray(table.counts) > 0 if isinstance(table, Table) else np.zeros(given.classes, bool)
    device = bank.targets.device if bank.targets is not None else "cpu"
    return Prototypes(bank, torch.from_numpy(known).to(device))
