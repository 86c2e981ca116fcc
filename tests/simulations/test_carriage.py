import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from isofed.protocols import wire
from isofed.protocols.letter import Held, Letter
from isofed.records import Order, Table, Value
from isofed.simulations.carriage import Writer, arrays_in, read, room
from isofed.simulations.grid import identify
from isofed.trees import from_arrays

DTYPES = st.sampled_from(["float32", "float64", "int64", "uint8", "bool"])


def content(*held: Held) -> RecordDict:
    record = ArrayRecord()
    for number, array in enumerate(held):
        record[str(number)] = array
    return RecordDict({"arrays": record, "words": ConfigRecord({"run": "r"})})


def size(*contents: RecordDict) -> int:
    return sum(room(array.nbytes) for each in contents for array in arrays_in(each))


SHAPES = arrays.array_shapes(min_dims=0, min_side=0, max_side=5)


@given(values=st.lists(arrays.arrays(DTYPES, SHAPES), max_size=4))
def test_arrays_come_back_whatever_room_there_is(values: list[np.ndarray]) -> None:
    sent = content(*map(Held, values))
    whole = size(sent)
    for there in (None, 0, whole // 2, whole):
        slab = None if there is None else np.zeros(there, np.uint8)
        writer = Writer(slab)
        found = read(writer.write(sent), slab)
        assert writer.needed == whole
        assert found["words"] == sent["words"]
        for array, value in zip(found["arrays"].values(), values, strict=True):
            assert (array.dtype, array.shape) == (str(value.dtype), value.shape)
            assert array.numpy().tobytes() == value.tobytes()


def order(tree: object = None) -> RecordDict:
    table = Table(np.ones((3, 2), np.float32), np.array([4, 0, 1]))
    model = from_arrays({"w": np.arange(1000, dtype=np.float32)}) if tree is None else tree
    return wire.order_content(Order("r", 1, 1, "", "d", {"model": Value(model), "t": table}))  # type: ignore


def test_what_two_messages_share_is_placed_once_and_read_only() -> None:
    identify()
    tree = from_arrays({"w": np.arange(1000, dtype=np.float32)})
    same = Value(tree)
    messages = [
        Message(wire.order_content(Order("r", 1, 1, "", "d", {"model": same})), node, "train")
        for node in (2, 3)
    ]
    slab = np.zeros(size(messages[0].content), np.uint8)
    writer = Writer(slab)
    first, second = (read(writer.write(message), slab) for message in messages)
    assert writer.needed == len(slab)
    views = [message.content.channels["model"].tree.buffers["float32"] for message in (first, second)]
    assert all(np.shares_memory(view, slab) for view in views)
    with pytest.raises(ValueError):
        views[0][0] = 1.0


def test_an_order_that_nobody_looked_into_stays_a_letter_on_its_way() -> None:
    sent = order()
    slab = np.zeros(size(sent), np.uint8)
    found = read(Writer(slab).write(sent), slab)
    assert isinstance(found, Letter) and isinstance(sent, Letter)
    assert found == sent  # both are looked into here
    assert not isinstance(found, Letter)
    assert found["table.t"]["present"].numpy().tolist() == [1, 0, 1]


def test_bytes_alone_are_small_where_arrays_lie_elsewhere() -> None:
    array = Held(np.zeros(100_000, np.float32))
    written, places = Writer(np.zeros(size(content(array)), np.uint8)).write(content(array))
    assert len(written) < 2000 and len(places) == 1
    written, places = Writer(None).write(content(array))
    assert len(written) > 400_000 and not places
