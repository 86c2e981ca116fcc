"""Samples whose class nobody knows (-1) are in no centre, and no centre pulls them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from isofed.records import Table
from isofed.strategies.local.prototypes import prototypes
from isofed.strategies.local.rectify import rectify
from isofed.strategies.recipe import Done, LocalTerm, Seen, TermStart

TERMS = {
    "cosine": rectify(1.0, 2),
    "euclidean": rectify(1.0, 2, "euclidean", normalise=False),
    "prototypes": prototypes(1.0),
}
CENTRES = Table(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32), np.array([3, 3]))


def played(term: LocalTerm, labels: list[int], rows: list[int]) -> tuple[Any, torch.Tensor, Any]:
    """Return a batch's loss, the features' gradient, and the centres that leave."""
    features = torch.arange(1.0, 9.0).reshape(4, 2)[rows].requires_grad_()
    state = term.start(TermStart({"centres": CENTRES}, 2, 2, 1))  # type: ignore[misc]
    seen = Seen(SimpleNamespace(features=features), torch.tensor(labels), np.array(rows))
    loss: Any = term.loss(state, seen)  # type: ignore[misc]
    loss.backward()
    (table,) = term.finish(state, Done(1)).values()  # type: ignore[misc]
    assert features.grad is not None
    return loss.item(), features.grad, table


@pytest.mark.parametrize("name", TERMS)
def test_they_count_in_the_batch_and_nowhere_else(name: str) -> None:
    some, pulled, left = played(TERMS[name], [0, 1, -1, -1], [0, 1, 2, 3])
    whole, known_pulled, known_left = played(TERMS[name], [0, 1], [0, 1])
    assert some == pytest.approx(whole / 2, abs=1e-6)
    torch.testing.assert_close(pulled[:2], known_pulled / 2)
    assert pulled[2:].abs().max() < 1e-6
    assert np.array_equal(left.values, known_left.values) and np.array_equal(left.counts, known_left.counts)


@pytest.mark.parametrize("name", TERMS)
def test_of_them_alone_nothing_leaves(name: str) -> None:
    loss, pulled, left = played(TERMS[name], [-1, -1], [0, 1])
    assert abs(loss) < 1e-6 and pulled.abs().max() < 1e-6 and not left.counts.any()
