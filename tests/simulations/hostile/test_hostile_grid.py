"""Replies on a grid with hostile sites: only theirs change, whatever the order in which replies come."""

from collections.abc import Iterable
from itertools import permutations
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from flwr.app import Message
from flwr.serverapp import Grid

from isofed.protocols.letter import Letter
from isofed.protocols.wire import order_content, report_content
from isofed.records import Order, Report, Value
from isofed.simulations.grid import identify
from isofed.simulations.hostile.attacks import read_attack
from isofed.simulations.hostile.crafts import least_seen
from isofed.simulations.hostile.grid import HostileGrid
from isofed.simulations.hostile.replies import model_of
from isofed.trees import from_arrays

SITES = {2: "a", 3: "b", 4: "c", 5: "d"}


class Shuffled(Grid):
    """A grid whose nodes add their number's powers to the model, and answer in a given order."""

    def __init__(self, order: Iterable[int]) -> None:
        identify()
        self.order, self.messages = list(order), dict[str, Message]()

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        self.messages = {}
        for message in messages:
            message.metadata.__dict__["_message_id"] = f"m{message.metadata.dst_node_id}"
            self.messages[message.metadata.message_id] = message
        return list(self.messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        if not self.order:
            return []
        given = set(SITES) - set(self.order)
        assert not given & {int(each[1:]) for each in message_ids}, "a reply was asked for once more"
        number = self.order.pop(0)
        value = np.float32(number) ** np.arange(3, dtype=np.float32)
        report = Report(1, 1, "1.1", {"model": Value(from_arrays({"w": 1 + value}))}, {"examples": 1})
        return [Message(report_content(report), reply_to=self.messages[f"m{number}"])]

    def set_run(self, run: Any) -> None: ...

    run: Any = None

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        raise NotImplementedError

    def get_node_ids(self) -> Iterable[int]:
        return list(SITES)

    def send_and_receive(self, messages: Any, *, timeout: float | None = None) -> Iterable[Message]:
        raise NotImplementedError


def arrived(order: Iterable[int], **attack: Any) -> tuple[dict[str, bytes], list[Message]]:
    """Return the models that arrive from each site, and the replies."""
    found = read_attack({"sites": "b+d", **attack})
    assert found is not None
    grid = HostileGrid(Shuffled(order), found, {3: "b", 5: "d"}, SITES.__getitem__, 7)
    model = {"model": Value(from_arrays({"w": np.ones(3, np.float32)}))}
    sent = order_content(Order("run", 1, 1, "", "digest", model))
    grid.push_messages([Message(sent, number, "train", group_id="1") for number in SITES])
    replies, pending = list[Message](), [f"m{number}" for number in SITES]
    for _ in range(6):
        news = list(grid.pull_messages(pending))
        replies += news
        pending = [each for each in pending if each not in {r.metadata.reply_to_message_id for r in news}]
    models = {}
    for reply in replies:
        read = model_of(reply.content)
        assert read is not None
        models[SITES[reply.metadata.src_node_id]] = read[1]["float32"].tobytes()
    return models, replies


@pytest.mark.parametrize(
    "attack",
    [
        {"name": "alie", "deviations": 2.0},
        {"name": "ipm"},
        {"name": "gaussian"},
        {"name": "gaussian", "collude": True},
        {"name": "sign_flip", "collude": True},
        {"name": "nans"},
    ],
    ids=str,
)
def test_the_order_of_replies_changes_no_bit(attack: dict[str, Any]) -> None:
    found = [arrived(order, **attack)[0] for order in permutations(SITES)]
    assert all(set(each) == set("abcd") for each in found)
    assert all(each == found[0] for each in found)


def test_formulas_on_whole_numbers() -> None:
    # the changes of a, b, c, d are (1, n, n²), n = 2 to 5; those of the honest ones have the mean (1, 3, 10)
    def models(**attack: Any) -> dict[str, list[float]]:
        found = arrived(SITES, **attack)[0]
        return {site: (np.frombuffer(each, np.float32) - 1).tolist() for site, each in found.items()}

    flipped = models(name="sign_flip", factor=2.0)
    assert flipped["b"] == [-2, -6, -18] and flipped["d"] == [-2, -10, -50]
    assert models(name="ipm", factor=0.5)["d"] == [-0.5, -1.5, -5]
    little = models(name="alie", deviations=1.0)
    assert little["b"] == little["d"] == [1, 2, 4]  # the honest ones deviate by (0, 1, 6)
    assert models(name="sign_flip", collude=True)["b"] == [-1, -4, -17]
    assert models(name="scaling", factor=0.0)["b"] == [2, 6, 18]  # n / m = 4 / 2
    assert flipped["a"] == [1, 2, 4] and flipped["c"] == [1, 4, 16]


def test_an_honest_letter_is_not_even_opened() -> None:
    _, replies = arrived(SITES, name="alie")
    kinds = {SITES[reply.metadata.src_node_id]: isinstance(reply.content, Letter) for reply in replies}
    assert kinds["a"] and kinds["c"]


def test_a_wrong_shape_lacks_a_number() -> None:
    found = arrived(SITES, name="wrong_shape")[0]
    assert (len(found["a"]), len(found["b"])) == (12, 8)


@pytest.mark.parametrize(
    ("asked", "hostile", "share"), [(50, 24, 24 / 26), (50, 12, 24 / 38), (51, 24, 25 / 27), (7, 1, 3 / 6)]
)
def test_a_little_is_as_much_as_leaves_a_majority(asked: int, hostile: int, share: float) -> None:
    # (n - m - s) / (n - m), s = floor(n / 2 + 1) - m honest sites that a majority needs beside the hostile
    assert least_seen(asked, hostile) == pytest.approx(NormalDist().inv_cdf(share))


@pytest.mark.parametrize(("asked", "hostile"), [(6, 1), (2, 1), (3, 3)])
def test_where_no_deviation_is_little_enough_the_mean_is_sent_or_a_finite_one(
    asked: int, hostile: int
) -> None:
    assert 0.0 <= least_seen(asked, hostile) < 10.0
