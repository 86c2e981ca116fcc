import pytest

from isofed.config import call
from isofed.errors import CompositionError
from isofed.strategies import found
from isofed.strategies.stock import NAMES, Stock, flowers, stock
from isofed.suggest import pick


@pytest.mark.parametrize("name", NAMES)
def test_every_name_makes_a_recipe_that_both_halves_know(name: str) -> None:
    make = found.available(f"flwr.{name}")[f"flwr.{name}"]
    options = {"strategy": "flwr.FedProx", "b": 1, "a": 0.5}
    recipe = call(make, options, "strategy")
    assert recipe.stock == Stock(name, options)
    assert recipe.call == f"stock('{name}', a=0.5, b=1, strategy='flwr.FedProx')"
    assert recipe.stock.inner == ("FedProx" if name.startswith("Diff") else None)
    assert recipe.call != call(make, {**options, "a": 0.25}, "strategy").call


def test_sites_clip_only_for_wrappers_that_say_so() -> None:
    calls = {name: [term.call for term in stock(name).local] for name in NAMES}
    clipped = {name for name, terms in calls.items() if any("clipping" in term for term in terms)}
    assert clipped == {name for name in NAMES if "ClientSide" in name}
    assert stock("DifferentialPrivacyClientSideAdaptiveClipping").rule.needs == ("norm_bit",)
    assert stock("DifferentialPrivacyClientSideFixedClipping").rule.needs == ()


def test_flowers_are_looked_for_only_where_asked_for() -> None:
    assert not [name for name in found.available("fedavg") if name.startswith("flwr.")]
    assert not [name for name in found.available() if name.startswith("flwr.")]
    assert set(flowers()) < set(found.available("flwr.FedAvg"))


@pytest.mark.parametrize("name", ["flwr.FedXgbBagging", "flwr.FedXgbCyclic"])
def test_trees_are_refused(name: str) -> None:
    with pytest.raises(CompositionError) as error:
        found.available(name)[name]()
    assert str(error.value) == (
        f"'{name}' gathers XGBoost's trees, and no task here grows any; use strategy=flwr.FedAvg"
    )


def test_a_misspelt_name_is_told_the_nearest() -> None:
    with pytest.raises(Exception, match=r"unknown strategy 'flwr.FedYogii'; did you mean 'flwr.FedYogi'\?"):
        pick("strategy", "flwr.FedYogii", found.available("flwr.FedYogii"))
