from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from isofed.records import Table, empty_table
from isofed.strategies.local.rectify import rectify
from isofed.strategies.recipe import Done, Seen, TermStart


@dataclass(frozen=True)
class Output:
    features: torch.Tensor


def start(table: Table | None = None, min_images: int = 1) -> TermStart:
    return TermStart({} if table is None else {"centres": table}, 3, 2, min_images)


def seen(features: Any, labels: list[int], images: list[int] | None = None) -> Seen:
    rows = torch.tensor(features, dtype=torch.float32, requires_grad=True)
    return Seen(Output(rows), torch.tensor(labels), np.array(images or range(len(labels))))


def finished(term: Any, bank: Any) -> Table:
    table = term.finish(bank, Done(1))["centres"]
    assert isinstance(table, Table)
    return table


TARGETS = Table(np.array([[0, 1], [0, 0], [2, 0]], np.float32), np.array([1, 0, 1]))


@pytest.mark.parametrize("table", [None, empty_table(3, 2)], ids=["no channel", "nobody's centres"])
@pytest.mark.parametrize("lam", [0.0, 1.0])
def test_the_first_round_adds_nothing_but_collects(table: Table | None, lam: float) -> None:
    term = rectify(lam, 4, normalise=False)
    bank = term.start(start(table))
    assert term.loss is not None and term.loss(bank, seen([[3, 4], [1, 0]], [0, 0])) is None
    centres = finished(term, bank)
    assert centres.values.tolist() == [[2, 2], [0, 0], [0, 0]] and centres.counts.tolist() == [2, 0, 0]
    assert centres.values.dtype == np.float32 and centres.counts.dtype == np.int64


def test_lambda_zero_adds_nothing_but_collects() -> None:
    term = rectify(0.0, 4, normalise=False)
    bank = term.start(start(TARGETS))
    assert term.loss is not None and term.loss(bank, seen([[3, 4]], [0])) is None
    assert finished(term, bank).values.tolist() == [[3, 4], [0, 0], [0, 0]]


@pytest.mark.parametrize("lam", [1.0, 2.5])
def test_features_are_pulled_to_their_own_centre(lam: float) -> None:
    term = rectify(lam, 4)
    bank = term.start(start(TARGETS))
    batch = seen([[0, 5], [1, 0], [3, 4]], [0, 0, 2])
    assert term.loss is not None
    loss = term.loss(bank, batch)
    assert loss.item() == pytest.approx(lam * (0 + 1 + (1 - 3 / 5)) / 3, abs=1e-6)
    loss.backward()
    assert batch.output.features.grad.abs().sum() > 0


def test_an_identity_without_a_centre_costs_one_and_pulls_nowhere() -> None:
    term = rectify(1.0, 4)
    bank = term.start(start(TARGETS))
    batch = seen([[3, 4]], [1])
    assert term.loss is not None
    loss = term.loss(bank, batch)
    loss.backward()
    assert loss.item() == 1.0 and not batch.output.features.grad.any()


def test_collecting_takes_no_gradient_and_no_share_of_memory() -> None:
    term = rectify(1.0, 4, normalise=False)
    bank = term.start(start())
    batch = seen([[3, 4]], [0])
    assert term.loss is not None
    term.loss(bank, batch)
    assert not bank.features[0].requires_grad


@pytest.mark.parametrize(("normalise", "centre"), [(True, [0.8, 0.4]), (False, [2, 2])])
def test_features_are_stored_at_unit_length_or_as_they_are(normalise: bool, centre: list[float]) -> None:
    term = rectify(1.0, 4, normalise=normalise)
    bank = term.start(start())
    assert term.loss is not None
    term.loss(bank, seen([[3, 4]], [0], [0]))
    term.loss(bank, seen([[1, 0]], [0], [1]))
    np.testing.assert_allclose(finished(term, bank).values[0], centre, rtol=1e-6)


def test_a_centre_of_too_few_images_stays_at_home() -> None:
    term = rectify(1.0, 4)
    bank = term.start(start(min_images=2))
    assert term.loss is not None
    # identity 0: one image twice; identity 1: two images
    term.loss(bank, seen([[1, 0], [1, 0], [0, 1], [0, 1]], [0, 0, 1, 1], [5, 5, 6, 7]))
    centres = finished(term, bank)
    assert centres.counts.tolist() == [0, 2, 0]
    assert centres.values.tolist() == [[0, 0], [0, 1], [0, 0]]


def test_a_centre_that_is_mostly_one_image_stays_at_home() -> None:
    term = rectify(1.0, 4)
    bank = term.start(start(min_images=2))
    assert term.loss is not None
    term.loss(bank, seen([[1, 0]] * 4, [0] * 4, [5, 5, 5, 6]))
    term.loss(bank, seen([[0, 1]] * 4, [1] * 4, [7, 7, 8, 8]))
    assert finished(term, bank).counts.tolist() == [0, 2, 0]


def test_every_round_begins_with_an_empty_bank() -> None:
    term = rectify(1.0, 4)
    first = term.start(start())
    assert term.loss is not None
    term.loss(first, seen([[1, 0]], [0]))
    assert term.start(start()).features == []


def test_it_needs_features() -> None:
    assert rectify(1.0, 4).needs == ("features", "classes")
