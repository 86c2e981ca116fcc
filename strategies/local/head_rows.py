"""L2RW+'s exchange of classifier rows between clients that number people for themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from isofed.records import Channel, Table
from isofed.strategies.recipe import Done, LocalTerm, TermStart

CHANNEL = "rows"


@dataclass(frozen=True)
class Head:
    """The head's weight, (C, D), and the images behind each row that may leave, (C,), else 0."""

    weight: Any
    images: Any


def head_rows() -> LocalTerm:
    """Begin with the rows that the server averaged over a matched group, and hand the own rows back.

    A row leaves only where its identity has at least min_images images at the site.

    Source: L2RW+ (the authors' later code), correspondence-guided classifier federation.
    """
    return LocalTerm("head_rows()", start=_start, finish=_finish, sends=(CHANNEL,), needs=("head", "classes"))


def _start(start: TermStart) -> Head:
    weight = _weight(start)
    answer = start.channels.get(CHANNEL)
    if isinstance(answer, Table):
        given = torch.from_numpy(np.asarray(answer.counts) > 0)
        rows = torch.from_numpy(np.array(answer.values))[given]
        with torch.no_grad():
            weight[given.to(weight.device)] = rows.to(weight)
    images = np.asarray(start.images)
    return Head(weight, np.where(images >= start.min_images, images, 0).astype(np.int64))


def _weight(start: TermStart) -> Any:
    # a head may have layers before the one whose rows are classes
    parameters = (p for name, p in start.model.named_parameters() if name.startswith(start.head))
    return next(p for p in parameters if p.dim() == 2 and len(p) == start.classes)


def _finish(head: Head, done: Done) -> Mapping[str, Channel]:
    rows = head.weight.detach().cpu().numpy() * (head.images > 0)[:, None]
    return {CHANNEL: Table(rows.astype(np.float32), head.images)}
