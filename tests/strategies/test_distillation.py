from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.strategies.distillation import Distillation, distilling
from isofed.strategies.named.distilled import feddf, fedpav
from isofed.strategies.optimisers import sgd
from isofed.strategies.rules import distance_mean
from isofed.strategies.share import HEAD

DISTANCES = st.lists(st.tuples(st.floats(1e-6, 2.0), st.floats(-10, 10)), min_size=1, max_size=6)


def direction(pairs: list[tuple[float, float]]) -> float:
    """Apply the rule to one-entry updates, given as (distance, update)."""
    owns = [{"distance": d, "examples": 3} for d, _ in pairs]
    summed = sum(distance_mean.factor(own) * change for own, (_, change) in zip(owns, pairs, strict=True))
    return summed / distance_mean.common({"distance": sum(distance_mean.sums(o)["distance"] for o in owns)})


@given(DISTANCES)
def test_the_rule_weighs_by_distance(pairs: list[tuple[float, float]]) -> None:
    weights = np.array([d for d, _ in pairs])
    assert direction(pairs) == pytest.approx(np.average([c for _, c in pairs], weights=weights), abs=1e-9)


def test_where_nothing_turned_the_model_stays() -> None:
    assert direction([(0.0, 5.0), (0.0, -3.0)]) == 0.0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"of": "logit"}, "did you mean 'logits'"),
        ({"by": "adams"}, "did you mean 'adam'"),
        ({"statistics": "client"}, "did you mean 'clients'"),
        ({"steps": -1}, "'steps' is -1"),
        ({"batch": 1}, "'batch' is 1"),
        ({"lr": 0.0}, "'lr' is 0"),
        ({"temperature": 0.0}, "'temperature' is 0"),
        ({"of": "features", "temperature": 2.0}, "'temperature' softens logits"),
        ({"unit": True}, "'unit' is for features"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Distillation(**options)


def test_a_lesson_hangs_on_any_optimiser_and_one_of_no_steps_on_none() -> None:
    taught = distilling(sgd(0.5, 0.9), Distillation(steps=3))
    assert taught.distil == Distillation(steps=3) and "sgd(lr=0.5, momentum=0.9)" in taught.call
    plain = sgd()
    assert distilling(plain, Distillation(steps=0)) is plain


def test_the_named_ones_say_what_they_need() -> None:
    assert feddf().needs == {"logits"} and feddf(of="features").needs == {"features"}
    assert feddf(steps=0).server.distil is None and feddf(steps=0).needs == frozenset()
    assert fedpav().needs == {"logits", HEAD} and fedpav(of="features").needs == {"features", HEAD}
    both = fedpav(steps=2)
    assert both.rule is distance_mean and both.server.distil == Distillation(
        "features", 2, 32, 5e-4, by="sgd", unit=True
    )
    assert fedpav(weights="examples").needs == {HEAD} and not fedpav(weights="examples").local
    with pytest.raises(ConfigError, match="unknown weights 'cosin'; did you mean 'cosine'"):
        fedpav(weights="cosin")
