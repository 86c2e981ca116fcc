"""Which identity numbers of different clients mean the same person, guessed from their centres alone.

Under strict camera isolation every client numbers its people privately. Correspondence-guided prototype
rectification (CGPR) matches the uploaded centres, and correspondence-guided classifier federation (CGCF)
averages the rows of the clients' private heads within the groups that were found.

Reference: L2RW+, the later code of Jiang et al. (CVPR 2025). There the centres of a group are averaged as
they were sent, and only their cosines are taken of unit vectors.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from isofed.config import within
from isofed.errors import CompositionError

Group = tuple[tuple[str, int], ...]
Centres = Mapping[str, tuple[np.ndarray, np.ndarray]]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def unit(values: np.ndarray) -> Floats:
    """Return the rows at length 1, in float64; a row that is zero or not finite becomes zero.

    Args:
        values: (rows, D) floats.

    Example:
        >>> unit(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [[0.6, 0.8], [0.0, 0.0]]
    """
    rows = np.asarray(values, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    usable = np.isfinite(lengths) & (lengths > 0)
    return np.where(usable, rows, 0.0) / np.where(usable, lengths, 1.0)


def mutual(a: Floats, b: Floats, tau: float) -> tuple[Integers, Integers, Floats]:
    """Return the pairs (i, j) of rows that are each other's nearest by cosine, and their cosines >= tau.

    Args:
        a: (n, D) unit rows, n >= 1.
        b: (m, D) unit rows, m >= 1.
        tau: smallest cosine of a pair.
    """
    cosines = a @ b.T
    forth, back = cosines.argmax(1), cosines.argmax(0)
    rows = np.arange(len(a))
    best = cosines[rows, forth]
    kept = np.flatnonzero((back[forth] == rows) & (best >= tau))
    return kept, forth[kept], best[kept]


def _edges(units: Sequence[Floats], rows: Sequence[Integers], tau: float) -> Iterator[list[int]]:
    """Yield (client, row, client, row) of all mutual pairs, the strongest first, then by names and rows."""
    found: list[tuple[Floats, Integers]] = []
    for one, two in combinations(range(len(units)), 2):
        if len(rows[one]) and len(rows[two]):
            i, j, cosines = mutual(units[one], units[two], tau)
            ends = np.stack([np.full_like(i, one), rows[one][i], np.full_like(j, two), rows[two][j]])
            found.append((cosines, ends))
    if found:
        cosines, ends = (np.concatenate(parts, axis=-1) for parts in zip(*found, strict=True))
        yield from ends[:, np.lexsort((*ends[::-1], -cosines))].T.tolist()


def match(centres: Centres, tau: float = 0.0) -> tuple[Group, ...]:
    """Return the groups of two or more identities that seem to be one person.

    1. Centres that are present and not zero are brought to length 1.
    2. Of every two clients, identities that are each other's nearest with a cosine >= tau make an edge.
    3. Edges are taken from the strongest to the weakest (equal ones by names, then rows); an edge joins
       the groups of its ends, unless the joint group held two identities of one client.

    Args:
        centres: of each client (values (n_c, D), present (n_c,) bool); only presence is read of absent rows.
        tau: τ, smallest cosine of an edge, -1 to 1.

    Returns:
        Groups of (client, row), sorted within and among each other; the same whatever the order of the
        mapping. Identities without a group are not listed.

    Raises:
        ConfigError: tau is outside its range.
        CompositionError: the clients' centres differ in width.

    Example:
        >>> there = np.array([True, True])
        >>> match({"a": (np.eye(2), there), "b": (np.eye(2)[::-1], there)})
        ((('a', 0), ('b', 1)), (('a', 1), ('b', 0)))
    """
    within("tau", tau, -1, 1)
    names = sorted(centres)
    if len(widths := {np.shape(values)[1] for values, _ in centres.values()}) > 1:
        raise CompositionError(f"Centres came in the widths {sorted(widths)}, but must all be of one width.")
    units = [unit(centres[name][0]) for name in names]
    rows = [np.flatnonzero(centres[n][1] & u.any(1)) for n, u in zip(names, units, strict=True)]
    edges = _edges([u[r] for u, r in zip(units, rows, strict=True)], rows, tau)
    groups: dict[tuple[int, int], dict[int, int]] = {}
    for one, i, two, j in edges:
        _join(groups, (one, i), (two, j))
    whole = {id(group): group for group in groups.values() if len(group) > 1}
    return tuple(sorted(tuple((names[c], row) for c, row in sorted(g.items())) for g in whole.values()))


def _join(groups: dict[tuple[int, int], dict[int, int]], a: tuple[int, int], b: tuple[int, int]) -> None:
    """Merge the groups, each {client: row}, of two identities unless they share a client."""
    one, two = groups.setdefault(a, {a[0]: a[1]}), groups.setdefault(b, {b[0]: b[1]})
    if one.keys().isdisjoint(two):
        one.update(two)
        groups.update(dict.fromkeys(two.items(), one))


def spread(values: Mapping[str, np.ndarray], groups: Sequence[Group]) -> dict[str, np.ndarray]:
    """Return tables in which the rows of a group hold their unweighted mean; other rows are as they were.

    With centres this is CGPR's answer to each client, under its own private numbers; with the rows of
    private heads it is CGCF. Means are taken in float64 in the order of the clients' names.

    Args:
        values: (n_c, D) floats of each client; the means of unit rows and of rows as sent differ.
        groups: as from :func:`match`.

    Raises:
        CompositionError: a group names a client that has no table here.

    Example:
        >>> spread({"a": np.array([[2.0]]), "b": np.array([[9.0], [4.0]])}, ((("a", 0), ("b", 1)),))["b"]
        array([[9.],
               [3.]])
    """
    places: dict[str, list[tuple[int, int]]] = {}
    for number, group in enumerate(groups):
        for name, row in group:
            places.setdefault(name, []).append((number, row))
    if missing := sorted(places.keys() - values.keys()):
        raise CompositionError(f"Groups name {missing}, of whom no table came; give one of each client.")
    out = {name: np.array(table) for name, table in values.items()}
    if places:
        means = _means(values, places, [len(group) for group in groups])
        for name, pairs in places.items():
            group_of, row_of = np.array(pairs).T
            out[name][row_of] = means[group_of]
    return out


def _means(
    values: Mapping[str, np.ndarray], places: Mapping[str, list[tuple[int, int]]], sizes: list[int]
) -> Floats:
    """Return the mean row of each group, (groups, D); a group has one row of a client at most."""
    sums = np.zeros((len(sizes), next(iter(values.values())).shape[1]))
    for name in sorted(places):
        group_of, row_of = np.array(places[name]).T
        sums[group_of] += values[name][row_of]
    means: Floats = sums / np.array(sizes)[:, None]
    return means


def quality(groups: Sequence[Group], truth: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """Return precision and recall of the matched pairs, for diagnosis; matching never sees the truth.

    Args:
        groups: as from :func:`match`.
        truth: (n_c,) the person behind each of a client's rows; -1 for a row that sent no centre.

    Returns:
        share of pairs within groups that are one person, and share of the pairs of different clients
        that are one person which are within a group; NaN where there are no such pairs.
    """
    pairs = [pair for group in groups for pair in combinations(group, 2)]
    right = sum(int(truth[a][i] == truth[b][j]) for (a, i), (b, j) in pairs)
    seen = [np.unique(persons[persons >= 0]) for persons in truth.values()]
    _, times = np.unique(np.concatenate(seen), return_counts=True)
    known = int((times * (times - 1) // 2).sum())
    return right / len(pairs) if pairs else math.nan, right / known if known else math.nan
