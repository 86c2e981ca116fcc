"""Turns of several sites are those of each alone, and one that fails is nobody else's affair."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Context, Message, RecordDict
from together_case import NAME, TASK, first_order, places_of, shop_of

from isofed.client import app, turns
from isofed.client.ledger import summed
from isofed.client.place import Place
from isofed.client.together import train_together
from isofed.client.train import train
from isofed.client.turns import Turn, alone, take
from isofed.client.workshop import Workshop
from isofed.errors import ContractError, IsofedError
from isofed.protocols import wire
from isofed.records import Value
from isofed.simulations.grid import identify
from isofed.tasks import TASKS

BAD = "s1_20"


@pytest.fixture(autouse=True, scope="module")
def _known() -> Iterator[None]:
    identify()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, NAME, TASK)
        yield


def sites(folder: Path) -> list[Place]:
    places = places_of([20, 20, 20], folder)
    return [replace(p, simulated=7, memory=folder / p.site / "memory") for p in places]


def turns_of(shop: Workshop, *folders: Path) -> list[list[Turn]]:
    """Turns of the same sites at the same order, with memories in each folder."""
    content = wire.order_content(first_order(shop))
    return [
        [Turn(Message(content, 2, "train"), lambda p=place: (shop, p)) for place in sites(folder)]  # type: ignore[misc]
        for folder in folders
    ]


def leaves(taken: Turn) -> list[bytes]:
    assert taken.failure is None and taken.reply is not None
    records = taken.reply.array_records.values()
    return [array.numpy().tobytes() for record in records for array in record.values()]


def spoilt(*arguments: Any) -> Any:
    """Train, but let one site's model hold what may not leave."""
    trained = train(*arguments)
    if arguments[1].site != BAD:
        return trained
    return replace(trained, report=nan(trained.report))


def nan(report: Any) -> Any:
    model = report.channels["model"].tree.map(lambda buffer: np.full_like(buffer, np.nan))
    return replace(report, channels={**report.channels, "model": Value(model)})


def test_turns_taken_phase_by_phase_are_those_of_each_alone(tmp_path: Path) -> None:
    shop = shop_of(model="dropout")
    each, several = turns_of(shop, tmp_path / "each", tmp_path / "several")
    one = [leaves(alone(turn)) for turn in each]
    take(several)
    assert [leaves(turn) for turn in several] == one and len({tuple(each) for each in one}) == 3


@pytest.mark.parametrize("together", [False, True])
def test_what_may_not_leave_is_refused_of_that_site_alone(
    together: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, places, by_itself = shop_of(), sites(tmp_path), list[str]()

    def beside(shop: Workshop, places: Any, *rest: Any) -> Any:
        found = dict(zip(places, train_together(shop, places, *rest), strict=True))
        return [replace(t, report=nan(t.report)) if p.site == BAD else t for p, t in found.items()]

    def one(*arguments: Any) -> Any:
        by_itself.append(arguments[1].site)
        return spoilt(*arguments)

    monkeypatch.setattr(turns, "train", one)
    monkeypatch.setattr(turns, "train_together", beside)
    (taken,) = turns_of(shop, tmp_path)
    take(taken, together)
    assert [type(each.failure) for each in taken] == [type(None), ContractError, type(None)]
    assert "channel 'model' holds NaN or infinite values" in str(taken[1].failure)
    assert taken[1].reply is None and leaves(taken[0]) and leaves(taken[2])
    left = [summed(place.ledger) for place in places]
    assert ["model" in each for each in left] == [True, False, True]
    assert by_itself == ([] if together else [place.site for place in places])


def test_where_models_cannot_be_trained_at_once_each_is_trained_alone(tmp_path: Path) -> None:
    shop = shop_of(model="branchy")
    taken, each = turns_of(shop, tmp_path / "taken", tmp_path / "each")
    take(taken, together=True)
    take(each)
    assert [leaves(one) for one in taken] == [leaves(one) for one in each]


def test_what_a_site_s_own_code_says_stays_in_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, places = shop_of(), sites(tmp_path)

    def broken(*arguments: Any) -> Any:
        if arguments[1].site == BAD:
            raise RuntimeError("/secret/path")
        return train(*arguments)

    monkeypatch.setattr(turns, "train", broken)
    monkeypatch.setattr(app, "opened", lambda context: (shop, places[context.node_id]))
    order = Message(wire.order_content(first_order(shop)), 2, "train")
    contexts = [Context(1, k, {"home": str(places[k].home)}, RecordDict(), {}) for k in range(3)]
    found = app.train_several([order] * 3, contexts)
    assert [isinstance(each, IsofedError) for each in found] == [False, True, False]
    assert str(found[1]) == "unexpected RuntimeError; see errors.log in the site's folder"
    assert "/secret/path" in (places[1].home / "errors.log").read_text()
