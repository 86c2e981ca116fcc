import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict

from isofed.errors import RoundError
from isofed.protocols import letter, link, pieces, wire
from isofed.protocols.link import Away
from isofed.protocols.pieces import cut
from isofed.records import Order, Value
from isofed.scratch import Scratch
from isofed.simulations.grid import identify
from isofed.trees import from_arrays
from tests.protocols.stored_link import Stored, linked

identify()
MOST = 1 << 16
MODEL = np.random.default_rng(1).random(MOST, np.float32)  # four pieces and a header


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letter, "cut", lambda array: cut(array, MOST))
    monkeypatch.setattr(pieces, "LARGE", MOST // 2)
    monkeypatch.setattr(link, "LARGE", 2 * MOST)


def orders(sites: int) -> list[Message]:
    model, made = Value(from_arrays({"w": MODEL})), letter.Made()
    order = [Order("run", 1, 1, str(site), "d", {"model": model}) for site in range(sites)]
    return [Message(wire.order_content(o, made), 10 + n, "train") for n, o in enumerate(order)]


def reply_to(order: Message, value: float = 1.0) -> Message:
    content = RecordDict({"value.model": ArrayRecord({"float32": Array(value * MODEL)}),
                          "about": ConfigRecord({"site": order.metadata.dst_node_id})})  # fmt: skip
    return Message(content, reply_to=order)


def model_of(reply: Message) -> np.ndarray:
    return reply.content.array_records["value.model"]["float32"].numpy()


def test_what_sites_share_leaves_once_and_a_site_reads_what_was_sent() -> None:
    stored, messages = Stored(), orders(3)
    numbers = linked(stored).push_messages(messages)
    assert list(numbers) == [m.metadata.message_id for m in messages] and len(set(numbers)) == 3
    large = [n for n in stored.objects if len(stored.objects[n]) > MOST // 2]
    assert len(large) == 4
    # a record and an array for all, and of each its own: message, content, fields
    assert len(stored.objects) == 5 + 2 + 3 * 3
    for message in messages:
        found: Any = pieces.inflate_object_from_contents(message.content.object_id, dict(stored.objects))
        assert np.array_equal(found.array_records["value.model"]["float32"].numpy(), MODEL)


def test_a_piece_is_made_when_it_leaves_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    made, most, real = set[str](), [0], pieces.Piece.deflate

    def deflate(piece: pieces.Piece) -> bytes:
        made.add(piece.object_id)
        most[0] = max(most[0], len(made))
        return real(piece)

    monkeypatch.setattr(pieces.Piece, "deflate", deflate)
    linked(Stored(seen=made.discard)).push_messages(orders(3))
    assert most[0] == 1 and not made


def test_an_object_that_is_refused_is_told_of_as_all_that_is_lost_on_the_way() -> None:
    stored, messages = Stored(), orders(1)
    stored.refused.add(messages[0].content.object_id)
    with pytest.raises(Away):
        linked(stored).push_messages(messages)


def test_a_reply_comes_once_all_its_objects_are_there_and_none_is_asked_for_twice() -> None:
    stored, (order,) = Stored(), orders(1)
    ours = linked(stored)
    ours.push_messages([order])
    number = stored.answer(reply_to(order, 2.0))
    late = list(stored.objects)[-4]
    stored.late.add(late)
    assert list(ours.pull_messages([order.metadata.message_id])) == []
    stored.late.clear()
    (reply,) = ours.pull_messages([order.metadata.message_id])
    assert np.array_equal(model_of(reply), 2 * MODEL) and reply.metadata.message_id == number
    assert [n for n in stored.pulled if stored.pulled.count(n) > 1] == [late] * 2
    assert stored.confirmed == [number]


def test_of_large_replies_one_is_taken_at_a_time_and_all_wait_in_files() -> None:
    stored, messages = Stored(), orders(3)
    ours = linked(stored)
    numbers = list(ours.push_messages(messages))
    for value, order in enumerate(messages, 2):
        stored.answer(reply_to(order, value))
    taken = [list(ours.pull_messages(numbers)) for _ in messages]
    assert [len(each) for each in taken] == [1, 1, 1]
    for value, (reply,) in enumerate(taken, 2):
        assert wire.lies_in_file(reply.content) and np.array_equal(model_of(reply), value * MODEL)


def test_what_is_cut_off_and_what_cannot_be_read_are_errors_of_their_own() -> None:
    stored, messages = Stored(), orders(2)
    ours = linked(stored)
    numbers = list(ours.push_messages(messages))
    first, second = reply_to(messages[0], 2.0), reply_to(messages[1], 3.0)
    stored.answer(first)
    stored.lost.add(first.content.object_id)
    stored.answer(second)
    record: Any = second.content["value.model"]
    key = record["float32"].object_id
    stored.objects[key] = stored.objects[key][:-1]
    replies = {r.metadata.reply_to_message_id: r for n in numbers for r in ours.pull_messages(numbers)}
    assert replies[numbers[0]].error.code == link.ErrorCode.REPLY_MESSAGE_UNAVAILABLE
    assert replies[numbers[1]].error.code == link.ErrorCode.CLIENT_APP_RAISED_EXCEPTION
    assert replies[numbers[1]].error.reason == "the reply cannot be read"


def test_a_full_disk_ends_the_round_and_nothing_stays(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stored, (order,) = Stored(), orders(1)
    ours = linked(stored)
    ours.push_messages([order])
    stored.answer(reply_to(order, 2.0))

    def full(scratch: Scratch, content: Any, aligned: bool = True) -> int:
        raise RoundError("what the sites have sent cannot be put into a temporary file")

    with monkeypatch.context() as patch:
        patch.setattr(Scratch, "put", full)
        with pytest.raises(RoundError, match="temporary file"):
            ours.pull_messages([order.metadata.message_id])
    # and where there is room again it is taken
    (reply,) = ours.pull_messages([order.metadata.message_id])
    assert np.array_equal(model_of(reply), 2 * MODEL)
    assert list(tmp_path.iterdir()) == []
