from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from isofed.records import Table
from isofed.strategies.local.head_rows import head_rows
from isofed.strategies.recipe import Done, TermStart
from isofed.strategies.share import flatten, without

CLASSES, WIDTH = 4, 3


class Net(nn.Module):
    """A body, and a head without bias."""

    def __init__(self, bias: bool = False) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(2, WIDTH), nn.Linear(WIDTH, CLASSES, bias=bias)


def start(model: nn.Module, images: list[int], answer: Table | None = None, min_images: int = 2) -> TermStart:
    channels = {} if answer is None else {"rows": answer}
    return TermStart(
        channels, CLASSES, WIDTH, min_images, model=model, head=("head.",), images=np.array(images)
    )


def finished(term: Any, state: Any) -> Table:
    table = term.finish(state, Done(1))["rows"]
    assert isinstance(table, Table)
    return table


def test_the_first_round_begins_with_the_own_head_and_hands_it_back_as_trained() -> None:
    model, term = Net(), head_rows()
    before = model.head.weight.detach().clone()
    state = term.start(start(model, [2, 3, 4, 5]))
    assert torch.equal(model.head.weight, before)
    with torch.no_grad():
        model.head.weight += 1
    table = finished(term, state)
    assert np.array_equal(table.values, (before + 1).numpy()) and table.counts.tolist() == [2, 3, 4, 5]
    assert table.values.dtype == np.float32 and table.counts.dtype == np.int64


def test_given_rows_are_taken_and_the_others_stay() -> None:
    model, term = Net(), head_rows()
    own = model.head.weight.detach().clone()
    given_rows = np.arange(CLASSES * WIDTH, dtype=np.float32).reshape(CLASSES, WIDTH)
    answer = Table(given_rows, np.array([1, 0, 0, 1]))
    term.start(start(model, [5] * CLASSES, answer))
    assert np.array_equal(model.head.weight.detach().numpy()[[0, 3]], given_rows[[0, 3]])
    assert torch.equal(model.head.weight.detach()[1:3], own[1:3])
    assert model.head.weight.requires_grad


def test_given_rows_reach_the_flat_storage() -> None:
    model = Net()
    trees = flatten(model, without("head."))
    head_rows().start(
        start(model, [5] * CLASSES, Table(np.full((CLASSES, WIDTH), 7, np.float32), np.ones(4)))
    )
    assert bool((trees["own"]["head.weight"] == 7).all())


@given(st.lists(st.integers(0, 9), min_size=CLASSES, max_size=CLASSES), st.integers(1, 9))
def test_no_row_of_too_few_images_leaves(images: list[int], fewest: int) -> None:
    model, term = Net(), head_rows()
    table = finished(term, term.start(start(model, images, min_images=fewest)))
    enough = np.array(images) >= fewest
    assert np.array_equal(table.counts, np.where(enough, images, 0))
    assert not table.values[~enough].any()
    assert np.array_equal(table.values[enough], model.head.weight.detach().numpy()[enough])


@pytest.mark.parametrize("bias", [False, True])
def test_the_weight_is_found_beside_a_bias(bias: bool) -> None:
    model = Net(bias)
    assert finished(head_rows(), head_rows().start(start(model, [3] * CLASSES))).values.shape == (4, 3)


def test_it_needs_a_head() -> None:
    assert head_rows().needs == ("head", "classes")
