"""What all re-identification layouts do alike: sites by level, labels, domains."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from isofed.errors import DataError
from isofed.seeds import public
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.task import Samples, Site

POOLED = "pooled"
VISIBLE, INFRARED = 0, 1  # domains
CAMERA_LEVELS = ("camera", "camera_strict")


def sites_of(level: str, layout: str, cameras: Sequence[Site]) -> tuple[Site, ...]:
    """Return the owners of a data set's training half under a level.

    Args:
        level: under ``camera`` and ``camera_strict`` each camera owns its data, under ``entity`` the
            institution behind the data set, under ``sharing`` one trainer.
        layout: the institution's name.
        cameras: the cameras as sites.
    """
    if level in CAMERA_LEVELS:
        return tuple(cameras)
    return (Site(POOLED if level == "sharing" else layout, {"modality": "both", "place": "all cameras"}),)


def labelled(
    inputs: Any,
    ids: np.ndarray,
    train_ids: Sequence[int],
    site: str,
    options: ReidOptions,
    domains: np.ndarray | None = None,
) -> Samples:
    """Return a site's samples, labelled by place in the ascending list of training persons.

    Args:
        inputs: images or tracklets, N.
        ids: (N,) person numbers as published.
        train_ids: everybody trained on, ascending.
        site: for the text of errors.
        options: the batch's identities, and whether labels are shuffled.
        domains: (N,) ``VISIBLE`` or ``INFRARED``, for a trainer that holds everything.

    Raises:
        DataError: fewer identities than a batch holds.
    """
    present = len(np.unique(ids))
    if present < options.batch_identities:
        raise DataError(
            f"{site} holds {present} identities to train on, but a batch needs {options.batch_identities}; "
            "lower task.batch_identities or leave the site out"
        )
    labels = np.searchsorted(np.array(train_ids), ids)
    if options.labels == "shuffled":
        labels = public(0, 0, site, "shuffled labels").permutation(labels)
    return Samples(inputs, labels.astype(np.int64), domains)
