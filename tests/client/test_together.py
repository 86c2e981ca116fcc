"""Sites trained together end where each ends alone."""

from collections.abc import Iterator
from typing import Any

import pytest
from together_case import NAME, TASK, apart, both, places_of, shop_of

from isofed.client import together
from isofed.client.stackable import why_not
from isofed.tasks import TASKS

BOUND = 1e-5  # of a leaf's largest entry, in float32


@pytest.fixture(autouse=True, scope="module")
def _known() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, NAME, TASK)
        yield


@pytest.fixture
def _never_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def alone(*arguments: Any) -> None:
        raise AssertionError("a site was trained alone")

    monkeypatch.setattr(together, "train", alone)


MODELS = ("head", "cnn", "dropout", "cnn_dropout", "blurred", "odd")
OPTIMISERS = ("sgd", "momentum", "adam", "adamw")


@pytest.mark.usefixtures("_never_alone")
@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("model", MODELS)
def test_stacked_sites_end_where_each_ends_alone(model: str, optimiser: str) -> None:
    shop = shop_of(model=model, optimiser=optimiser, keeps=True)
    places = places_of([20, 20, 20])
    assert why_not(shop, places[0]) is None
    alone, beside = both(shop, places, rounds=2)
    gaps = [apart(one, other) for one, other in zip(alone, beside, strict=True)]
    assert max(gaps) < BOUND
