"""Numbers outside their range and words that are no choice are refused in a sentence."""

from typing import Any

import pytest

from isofed.errors import ConfigError
from isofed.tasks.vein import TASK, benchmark, build, width
from isofed.tasks.vein.losses import Margin
from isofed.tasks.vein.model import BACKBONES
from isofed.tasks.vein.options import RANGES, VeinOptions


@pytest.mark.parametrize("name", sorted(RANGES))
def test_a_number_beyond_its_range_is_refused(name: str) -> None:
    low, high = RANGES[name]
    for value in (low - 1, 2 * high + 1):
        with pytest.raises(ConfigError, match=f"'{name}' is .*, but must lie between"):
            VeinOptions(**{name: value})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"backbone": "smal"}, "did you mean 'small'"),
        ({"rule": "session"}, "did you mean 'sessions'"),
        ({"labels": "shufled"}, "did you mean 'shuffled'"),
        ({"precision": "fp8"}, "did you mean 'fp16'"),
        ({"optimiser": "adam"}, "did you mean 'adamw'"),
        ({"schedule": "steps"}, "did you mean 'step'"),
        ({"per_finger": 1}, "two or more, by which the batch can be divided"),
        ({"per_finger": 5, "batch": 32}, "'per_finger' is 5 and 'batch' 32"),
        ({"height": 144, "width": 48}, "fingers lie along the width"),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        VeinOptions(**given)


def test_the_loss_gets_its_numbers() -> None:
    options = VeinOptions(margin_factor=1.5, margin_angle=0.25, margin_cosine=0.1, scale=8.0)
    assert options.margin == Margin(1.5, 0.25, 0.1, 8.0)


@pytest.mark.parametrize(("dimensions", "expected"), [(0, 64), (7, 7)])
def test_the_embedding_is_as_long_as_asked_for_or_as_published(dimensions: int, expected: int) -> None:
    import torch

    options = VeinOptions(backbone="tiny", dimensions=dimensions, classes=3)
    model = build(options, torch.Generator().manual_seed(0))
    assert width(options) == expected and model.head.weight.shape == (3, expected)
    assert model.scale == options.scale


def test_a_rule_of_one_database_is_refused_elsewhere() -> None:
    assert benchmark("utfvp", VeinOptions(rule="nom"))["rule"] == "nom"
    with pytest.raises(ConfigError, match=r"task\.rule=nom is for data=utfvp, found data=vera"):
        benchmark("vera", VeinOptions(rule="nom"))


def test_heads_are_private_and_everybody_can_have_one() -> None:
    assert TASK.private_head and TASK.head == ("head.",) and TASK.refit is not None
    assert VeinOptions().backbone in BACKBONES
