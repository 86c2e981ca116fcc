"""Nodes that are made when they are asked for, of sites that are listed and of sites that are not."""

from collections.abc import Sequence

import pytest

from isofed.errors import CompositionError
from isofed.events import silent
from isofed.population import Numbered
from isofed.server.roster import Roster
from isofed.simulations.grid import Node
from isofed.simulations.population import Nodes
from isofed.simulations.ray_engine import MOST, RayEngine


def nodes(sites: Sequence[str], made: list[str] | None = None) -> Nodes:
    def make(number: int, name: str) -> Node:
        if made is not None:
            made.append(name)
        return Node(number, {"site": name})

    return Nodes(sites, "evaluator", make)


@pytest.mark.parametrize("sites", [("b", "a", "c"), Numbered(3, "s")], ids=["listed", "numbered"])
def test_names_and_numbers_lead_to_the_same_nodes(sites: Sequence[str]) -> None:
    found = nodes(sites)
    assert list(found) == [*sites, "evaluator"] and len(found) == 4 == len(found.by_number)
    assert [found[name].number for name in found] == [2, 3, 4, 5] == list(found.by_number)
    assert [found.by_number[number] for number in found.by_number] == list(found.values())
    assert list(found.roster) == sorted(sites) and len(found.roster) == 3
    assert {name: found.roster[name] for name in sites} == {name: found.number(name) for name in sites}
    for missing in ("d", "evaluato", ""):
        with pytest.raises(KeyError):
            found[missing]
    for number in (1, 6, -1):
        with pytest.raises(KeyError):
            found.by_number[number]
    assert found.roster.get("evaluator") is None and "a" not in nodes(Numbered(3)).roster


def test_only_who_is_asked_for_is_made() -> None:
    made: list[str] = []
    found = nodes(Numbered(10**6), made)
    assert found["client000007"].number == 9 and found.by_number[10**6 + 2].config["site"] == "evaluator"
    assert found.roster["client999999"] == 10**6 + 1
    assert made == ["client000007", "evaluator"]


def test_a_roster_is_sorted_once_and_then_itself() -> None:
    roster = Roster.of({"b": 2, "a": 3})
    assert list(roster.items()) == [("a", 3), ("b", 2)] and Roster.of(roster) is roster


def test_ray_is_not_given_more_nodes_than_it_bears() -> None:
    engine = RayEngine(1, 1)
    with pytest.raises(CompositionError) as error:
        engine(nodes(Numbered(MOST)), "{}", silent)
    assert str(error.value) == (
        "engine=ray makes a virtual node of every site before the first round, and 10000 sites are more than "
        "the 9999 that it bears; write engine=local"
    )
