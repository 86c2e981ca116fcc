"""Batches of P identities times K images."""

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError


def steps_per_round(images: int, identities: int, per_identity: int) -> int:
    """Return floor(N / (P K)) + 1, the steps of one local epoch.

    Args:
        images: N, images of the client, >= 1.
        identities: P, identities in a batch, >= 1.
        per_identity: K, images of each, >= 1.
    """
    return images // (identities * per_identity) + 1


def _identities(steps: int, available: int, identities: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return (steps, P) positions of identities, those of one step all different."""
    return np.argsort(rng.random((steps, available)), axis=1, kind="stable")[:, :identities]


def batches(
    labels: NDArray[np.int64], identities: int, per_identity: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the image indices of one local epoch, (floor(N / (P K)) + 1, P K) int64.

    A batch is P distinct identities, drawn without replacement, and K images of each, drawn with
    replacement and blind to modality; the K images of an identity stand next to each other.

    Args:
        labels: (N,) the identity of each image.
        identities: P, >= 1.
        per_identity: K, >= 1.
        rng: where the draws come from.

    Raises:
        DataError: the client holds fewer than P identities.

    Reference: Jiang et al., CVPR 2025, section 4.2 (8 identities x 8 images).

    Example:
        >>> batches(np.array([5, 5, 9, 9]), 2, 1, np.random.default_rng(0)).shape
        (3, 2)
    """
    labels = np.asarray(labels)
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=labels.min(initial=0) - 1))
    if len(starts) < identities:
        raise DataError(
            f"This client holds images of {len(starts)} identities, but a batch needs {identities} different "
            "ones; add data, leave this client out, or lower batch_identities."
        )
    sizes = np.diff(starts, append=len(labels))
    steps = steps_per_round(len(labels), identities, per_identity)
    chosen = _identities(steps, len(starts), identities, rng)[:, :, None]
    within = rng.integers(0, sizes[chosen], size=(steps, identities, per_identity))
    indices: NDArray[np.int64] = order[starts[chosen] + within].reshape(steps, -1).astype(np.int64)
    return indices


def paired(
    labels: NDArray[np.int64],
    partner: NDArray[np.int64],
    identities: int,
    per_identity: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return the rows of one local epoch in pairs, (floor(M / (P K)) + 1, 2 P K) int64 for M pairs.

    A batch is P distinct identities and K pairs of each, drawn as :func:`batches` draws images; the two
    tracklets of a pair stand next to each other, the one that comes first in the data before its partner.

    Args:
        labels: (T,) the identity of each tracklet.
        partner: (T,) the row of each one's partner, -1 where it has none; such tracklets are left out.
        identities: P, >= 1.
        per_identity: K, >= 1.
        rng: where the draws come from.

    Raises:
        DataError: fewer than P identities have a pair.

    Reference: the batches of L2RW's video experiments on BUPTCampus, 16 identities x 1 pair. Differs from
    them in: pairs are drawn with replacement, so that an identity may come again within an epoch.

    Example:
        >>> paired(np.array([5, 5, 9, 9]), np.array([1, 0, 3, 2]), 2, 1, np.random.default_rng(0)).shape
        (2, 4)
    """
    firsts = np.flatnonzero(np.asarray(partner) > np.arange(len(labels)))
    chosen = firsts[batches(np.asarray(labels)[firsts], identities, per_identity, rng)]
    pairs: NDArray[np.int64] = np.stack([chosen, partner[chosen]], axis=2).reshape(len(chosen), -1)
    return pairs


def each_modality(
    labels: NDArray[np.int64],
    domains: NDArray[np.int64],
    identities: int,
    per_identity: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return the rows of one local epoch, (floor(max(N_0, N_1) / (P K)) + 1, 2 P K) int64.

    A batch is P distinct identities, drawn without replacement among those seen in both modalities, and K
    images of each from either one, drawn with replacement; all of modality 0 come first, then in the same
    order of identities those of modality 1.

    Args:
        labels: (N,) the identity of each image.
        domains: (N,) its modality, 0 or 1; N_0 and N_1 images have it.
        identities: P, >= 1.
        per_identity: K, >= 1.
        rng: where the draws come from.

    Raises:
        DataError: one modality is missing, or fewer than P identities are seen in both.

    Reference: the entity-sharing baselines of Jiang et al., CVPR 2025 (released code): 8 identities x 4
    images of each modality.

    Example:
        >>> labels, domains = np.array([5, 5, 9, 9]), np.array([0, 1, 1, 0])
        >>> each_modality(labels, domains, 2, 3, np.random.default_rng(0)).shape
        (1, 12)
    """
    sides = [np.flatnonzero(np.asarray(domains) == side) for side in (0, 1)]
    found = [np.unique(labels[side]) for side in sides]
    both = np.intersect1d(found[0], found[1])
    if not all(map(len, sides)):
        raise DataError(
            "This client holds images of one modality, but per_modality needs both; set it to false."
        )
    if len(both) < identities:
        raise DataError(
            f"This client holds images of {len(both)} identities in both modalities, but a batch needs "
            f"{identities} different ones; add data, or lower batch_identities."
        )
    steps = steps_per_round(max(map(len, sides)), identities, per_identity)
    chosen = both[_identities(steps, len(both), identities, rng)]
    drawn = [_images_of(chosen, labels[side], per_identity, rng) for side in sides]
    rows = [side[one] for side, one in zip(sides, drawn, strict=True)]
    return np.concatenate(rows, axis=1).astype(np.int64)


def _images_of(
    chosen: NDArray[np.int64], labels: NDArray[np.int64], per_identity: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw K rows of each identity of (steps, P) with replacement: (steps, P K)."""
    order = np.argsort(labels, kind="stable")
    first, last = (
        np.searchsorted(labels, chosen, end, sorter=order)[:, :, None] for end in ("left", "right")
    )
    places = rng.integers(first, last, size=(*chosen.shape, per_identity))
    rows: NDArray[np.int64] = order[places].reshape(len(chosen), -1)
    return rows
