import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from isofed.protocols.wire import Held
from isofed.simulations.carriage import Writer, arrays_of, placed, read
from isofed.simulations.grid import identify

DTYPES = st.sampled_from(["float32", "float64", "int64", "uint8", "bool"])


def content(*held: Held) -> RecordDict:
    record = ArrayRecord()
    for number, array in enumerate(held):
        record[str(number)] = array
    return RecordDict({"arrays": record, "words": ConfigRecord({"run": "r"})})


SHAPES = arrays.array_shapes(min_dims=0, min_side=0, max_side=5)


@given(values=st.lists(arrays.arrays(DTYPES, SHAPES), max_size=4))
def test_arrays_come_back_whatever_room_there_is(values: list[np.ndarray]) -> None:
    sent = content(*map(Held, values))
    whole = sum(placed(array) for array in arrays_of(sent))
    for room in (None, 0, whole // 2, whole):
        slab = None if room is None else np.zeros(room, np.uint8)
        writer = Writer(slab)
        found = read(writer.write(sent), slab)
        assert writer.needed == whole
        assert found["words"] == sent["words"]
        for array, value in zip(found["arrays"].values(), values, strict=True):
            assert (array.dtype, array.shape) == (str(value.dtype), value.shape)
            assert array.numpy().tobytes() == value.tobytes()


def test_what_two_messages_share_is_placed_once_and_read_only() -> None:
    identify()
    same = Held(np.arange(1000, dtype=np.float32))
    messages = [Message(content(same), node, "train") for node in (2, 3)]
    slab = np.zeros(2 * placed(same), np.uint8)
    writer = Writer(slab)
    first, second = (read(writer.write(message), slab) for message in messages)
    assert writer.needed == placed(same)
    views = [message.content["arrays"]["0"].numpy() for message in (first, second)]
    assert all(np.shares_memory(view, slab) for view in views)
    with pytest.raises(ValueError):
        views[0][0] = 1.0


def test_bytes_alone_are_small_where_arrays_lie_elsewhere() -> None:
    array = Held(np.zeros(100_000, np.float32))
    assert len(Writer(np.zeros(placed(array), np.uint8)).write(content(array))) < 2000
    assert len(Writer(None).write(content(array))) > 400_000
