"""Which runs are refused cohorts, and in what words."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from together_case import NAME, TASK, first_order, places_of, shop_of

from isofed.client.stackable import why_not
from isofed.client.together import train_together
from isofed.errors import CompositionError
from isofed.tasks import TASKS


@pytest.fixture(autouse=True, scope="module")
def _known() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, NAME, TASK)
        yield


DITTO, FEDPROX = {"name": "ditto"}, {"name": "fedprox"}


@pytest.mark.parametrize(
    "strategy, options, words",
    [
        (None, {"precision": "bf16"}, "arithmetic in bf16 is not stacked; write task.precision=float32"),
        (None, {"precision": "fp16"}, "arithmetic in fp16"),
        (None, {"optimiser": "lbfgs"}, "LBFGS is not known to work entry by entry"),
        (DITTO, {}, r"term 'tethered\(lam=1.0\)' follows every step"),
    ],
)
def test_what_the_configuration_alone_rules_out(
    strategy: dict[str, Any] | None, options: dict[str, Any], words: str
) -> None:
    shop = shop_of(strategy, **options)
    refused(shop, words)
    reason = why_not(shop)
    assert reason and reason.count("\n") == 0 and reason.endswith("leave engine.together out")


@pytest.mark.parametrize(
    "strategy, model, words",
    [
        (None, "branchy", "data-dependent control flow"),
        (None, "told", r"calling .item\(\)"),
        (None, "counting", "would mutate a captured Tensor"),
        (None, "rrelu", "rrelu"),
        (None, "drawn_choice", "draws by 'aten::bernoulli_.Tensor', which cannot be drawn for each site"),
        (None, "hidden", "leaves the loss other than a step of one site alone"),
        (FEDPROX, "odd", "no batch reaches the parameter 'layers.0.idle'"),
    ],
)
def test_what_a_tried_step_rules_out(strategy: dict[str, Any] | None, model: str, words: str) -> None:
    shop = shop_of(strategy, model=model)
    assert why_not(shop) is None  # nothing but a step tells
    refused(shop, words)


def refused(shop: Any, words: str) -> None:
    """A run is refused in these words when it is built, and would be by the first training."""
    place = places_of([20])[0]
    with pytest.raises(CompositionError, match=words) as found:
        train_together(shop, [place], [first_order(shop)], [{}], ["1.1"])
    assert str(found.value) == why_not(shop, place)


def test_hooks_around_a_step_are_refused() -> None:
    shop = shop_of(optimiser="momentum")
    shop.optimiser.register_step_pre_hook(
        lambda optimiser, *more: torch.nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], 1.0)
    )
    assert "hooks around a step" in str(why_not(shop))


def test_trying_changes_nothing() -> None:
    shop, place = shop_of(model="cnn_dropout"), places_of([20])[0]
    before = {group: tree.numpy() for group, tree in shop.trees.items()}
    torch.manual_seed(1)
    state = torch.get_rng_state()
    assert why_not(shop, place) is None
    assert torch.equal(state, torch.get_rng_state())
    for group, tree in shop.trees.items():
        for name, leaf in tree.items():
            assert (leaf.numpy() == before[group][name]).all(), name
