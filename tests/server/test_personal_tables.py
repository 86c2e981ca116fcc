"""Tables of which every site gets its own answer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Message
from test_rounds import begin, drive, report, setting, weights

from isofed.contracts import Contract, TableContract, TreeContract
from isofed.protocols import wire
from isofed.protocols.levels import CENTRES, NUMBERS, ROWS, STATE
from isofed.records import Report, Table
from isofed.server.asks import Refusal
from isofed.server.replies import usable
from isofed.server.rounds import training_round
from isofed.server.state import Checkpoints
from isofed.server.strategy import Composed
from isofed.simulations import grid
from isofed.strategies.named.banks import cgpr, l2rwplus

PLANTED = 0.7251834  # a number that only one site's row has
RECIPE = l2rwplus()


def table(*rows: tuple[float, float]) -> Table:
    values = np.array(rows, np.float32)
    return Table(values, values.any(1).astype(np.int64))


def sent(*rows: tuple[float, float]) -> Report:
    return report(weights([1.0]), centres=table(*rows), rows=table(*rows))


def planted() -> dict[str, Report]:
    """Two people are common to both sites; each site has another one of its own, in no other's direction."""
    return {
        "cam1": sent((1, 0), (0, 1), (-PLANTED, 1e-3)),
        "cam2": sent((0, 3), (2, 0)),
    }


def test_an_order_carries_the_sites_own_answer_and_no_others() -> None:
    state = drive(begin(weights([0.0])), planted().items(), RECIPE).state
    assert set(state.tables) == {f"{c}@{s}" for c in ("centres", "rows") for s in ("cam1", "cam2")}
    asks = {
        ask.site: ask.order.channels
        for ask in next(training_round(state, setting(RECIPE), ["cam1", "cam2", "cam3"], 1, 1))
    }
    for channel in ("centres", "rows"):
        one: Any = asks["cam1"][channel]
        two: Any = asks["cam2"][channel]
        assert one.values.tolist() == [[1.5, 0], [0, 2], [-np.float32(PLANTED), np.float32(1e-3)]]
        assert two.values.tolist() == [[0, 2], [1.5, 0]]
    assert set(asks["cam3"]) == {"model", "buffers"}  # it has not reported yet


def test_what_goes_to_one_is_in_no_message_to_another() -> None:
    grid.identify()
    state = drive(begin(weights([0.0])), planted().items(), RECIPE).state
    layouts = {name: TreeContract("value", tree.layout, STATE) for name, tree in state.trees.items()}
    tables = {name: TableContract(None, 2, 2, what) for name, what in (("centres", CENTRES), ("rows", ROWS))}
    contract = Contract("camera_strict", {**layouts, **tables}, NUMBERS)
    strategy = Composed(setting(RECIPE), contract, state, {"cam1": 2, "cam2": 3}, {})
    messages: list[Message] = list(
        strategy.configure_train(2, ArrayRecord(), ConfigRecord(), None)  # type: ignore[arg-type]
    )
    needle = np.float32(-PLANTED).tobytes()
    held = {
        message.metadata.dst_node_id: b"".join(
            array.data for record in message.content.array_records.values() for array in record.values()
        )
        for message in messages
    }
    assert {node: needle in data for node, data in held.items()} == {2: True, 3: False}


def test_a_site_that_is_not_heard_keeps_its_answer() -> None:
    state = drive(begin(weights([0.0])), planted().items(), RECIPE).state
    replies: Any = [("cam1", Refusal("late")), ("cam2", sent((5, 0), (0, 7)))]
    later = drive(state, replies, RECIPE).state
    assert np.array_equal(later.tables["centres@cam1"].values, state.tables["centres@cam1"].values)
    # alone in its round, cam2 matches nobody and gets its own back
    assert later.tables["centres@cam2"].values.tolist() == [[5, 0], [0, 7]]


def test_answers_do_not_depend_on_who_was_first() -> None:
    replies = list(planted().items())
    one, other = (drive(begin(weights([0.0])), order, RECIPE).state for order in (replies, replies[::-1]))
    for name in one.tables:
        assert np.array_equal(one.tables[name].values, other.tables[name].values)


def test_answers_come_back_from_a_checkpoint(tmp_path: Path) -> None:
    state = drive(begin(weights([0.0])), planted().items(), RECIPE).state
    checkpoints = Checkpoints(tmp_path, "abcd")
    checkpoints.save(state)
    found = checkpoints.latest(begin(weights([0.0])))
    for site in ("cam1", "cam2"):
        assert set(found.tables_for(site)) == {"centres", "rows"}
        for name, answer in state.tables_for(site).items():
            assert np.array_equal(found.tables_for(site)[name].values, answer.values)
            assert np.array_equal(found.tables_for(site)[name].counts, answer.counts)


@pytest.mark.parametrize("rows", [1, 3])
def test_a_report_of_unequal_tables_is_refused_and_harms_nobody(rows: int) -> None:
    """Rows of the head without a centre beside them would be read past the table's end."""
    model = weights([1.0])
    state = begin(model)
    layouts = {name: TreeContract("value", tree.layout, STATE) for name, tree in state.trees.items()}
    tables = {name: TableContract(None, 2, 2, what) for name, what in (("centres", CENTRES), ("rows", ROWS))}
    strategy = Composed(
        setting(RECIPE), Contract("camera_strict", {**layouts, **tables}, NUMBERS), state, {"cam1": 2}, {}
    )
    bad = report(model, centres=table((1, 0), (0, 1)), rows=table(*[(1.0, 1.0)] * rows))
    content = wire.report_content(bad)
    wire.check(content, strategy.contract)
    grid.identify()
    (order,) = strategy.configure_train(1, ArrayRecord(), ConfigRecord(), None)  # type: ignore[arg-type]
    found = usable(Message(content, reply_to=order), strategy._report)
    assert isinstance(found, Refusal) and "different numbers of rows" in found.reason


def test_a_strategy_without_rows_has_centres_alone() -> None:
    tree = weights([1.0])
    replies = [(site, report(tree, centres=table((1, 0), (0, 1)))) for site in ("a", "b")]
    state = drive(begin(weights([0.0])), replies, cgpr()).state
    assert set(state.tables) == {"centres@a", "centres@b"}
