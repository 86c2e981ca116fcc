import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict
from flwr.app.message import array as flowers
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.protocols import letter, pieces, wire
from isofed.protocols.letter import Held
from isofed.protocols.pieces import Arriving, cut
from isofed.scratch import lies_in_file

MOST = 4096  # bytes of a piece here
RANDOM = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flowers, "FLWR_PRIVATE_MAX_ARRAY_CHUNK_SIZE", MOST)
    monkeypatch.setattr(letter, "cut", lambda array: cut(array, MOST))
    monkeypatch.setattr(pieces, "LARGE", MOST)


def content(**arrays: np.ndarray) -> RecordDict:
    record = ArrayRecord({name: Array(array) for name, array in arrays.items()})
    return RecordDict({"value.model": record, "report": ConfigRecord({"round": 1})})


def stored(found: Any) -> dict[str, bytes]:
    return {number: part.deflate() for number, part in get_all_nested_objects(found).items()}


def arrived(parts: Mapping[str, bytes]) -> Arriving:
    arriving = Arriving()
    for number, part in parts.items():
        arriving.keep(number, part)
        assert number in arriving
    return arriving


def arrays(found: RecordDict) -> dict[str, Array]:
    return dict(found.array_records["value.model"].items())


ODD = 3 * MOST // 4 + 5
LARGE = {
    "float32": RANDOM.random(ODD, np.float32),
    "zeros": np.zeros(4 * MOST, np.float32),  # of which Flower keeps one piece, and names it several times
    "int64": np.arange(ODD),
    "small": np.arange(3),
    "halves": np.tile(np.arange(MOST // 4, dtype=np.float32), 3),
}


def test_a_large_message_comes_out_as_flower_makes_it() -> None:
    sent = content(**LARGE)
    number, parts = sent.object_id, stored(sent)
    found: Any = arrived(parts).opened(number)
    by_flower: Any = inflate_object_from_contents(number, dict(parts))
    assert dict(found.config_records["report"]) == {"round": 1}
    for name, array in arrays(by_flower).items():
        ours = arrays(found)[name]
        assert (ours.dtype, ours.shape, ours.stype) == (array.dtype, array.shape, array.stype)
        assert bytes(ours.data) == array.data
        assert np.array_equal(ours.numpy(), LARGE[name])
    assert wire.lies_in_file(found) and not wire.lies_in_file(by_flower)


def test_what_is_read_lies_in_the_file_and_is_not_copied() -> None:
    sent = content(**LARGE)
    found = arrived(stored(sent)).opened(sent.object_id)
    form = {name: (str(array.dtype), array.shape) for name, array in LARGE.items()}
    opened = wire.opened("value.model", found.array_records["value.model"], form)
    for name, array in opened.items():
        assert np.array_equal(array, LARGE[name]) and not array.flags.writeable and array.flags.aligned
        assert lies_in_file(array)


def test_a_small_message_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", None)
    sent = content(float32=np.arange(9, dtype=np.float32))
    found = arrived(stored(sent)).opened(sent.object_id)
    assert not wire.lies_in_file(found) and type(arrays(found)["float32"].data) is bytes


@settings(max_examples=30)
@given(st.lists(st.integers(0, 3 * MOST), min_size=1, max_size=3), st.sampled_from(["float32", "uint8"]))
def test_an_array_is_cut_as_flower_cuts_it(sizes: list[int], dtype: str) -> None:
    for size in sizes:
        array = RANDOM.integers(0, 99, size).astype(dtype)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(flowers, "FLWR_PRIVATE_MAX_ARRAY_CHUNK_SIZE", MOST)
            patch.setattr(letter, "cut", lambda array: cut(array, MOST))
            ours, theirs = Held(array), Array(array)
            assert stored(ours) == stored(theirs) and ours.object_id == theirs.object_id


@pytest.mark.parametrize(
    "array",
    [np.array(3), np.zeros((0, 4), np.float32), np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3).T,
     np.array([True, False]), np.arange(12)[::2], np.float16([1, 2])],
)  # fmt: skip
def test_every_kind_of_array_is_stored_as_flower_stores_it(array: np.ndarray) -> None:
    assert stored(Held(array)) == stored(Array(array))


def test_pieces_that_leave_are_views_of_the_array() -> None:
    array = RANDOM.random(4 * MOST, np.float32)
    held = Held(array)
    kept = list(get_all_nested_objects(held).values())
    assert len(kept) == 4 * 4 + 2
    parts = [part for part in kept if part is not held]
    assert all(np.shares_memory(part.array, array) for part in parts)  # type: ignore[union-attr]
    assert held.slice_array() is held.slice_array()


def broken(change: str) -> tuple[str, dict[str, bytes]]:
    sent = content(float32=LARGE["float32"])
    parts, number = stored(sent), sent.object_id
    key = arrays(sent)["float32"].object_id
    whole = parts[key]
    if change == "a piece is missing":
        del parts[next(n for n, part in parts.items() if part.startswith(b"ArrayChunk"))]
    elif change == "it is no JSON":
        parts[key] = whole[:-1]
    elif change == "it names a piece that it has not":
        parts[key] = whole.replace(b"[0, 1", b"[0, 9")
    elif change == "it leaves a piece out":
        parts[key] = whole.replace(b"[0, 1", b"[0, 0")
    elif change == "it is no array":
        parts[key] = whole.replace(b"Array ", b"ArrayRecord ")
    elif change == "it is longer than it says":
        parts[key] = whole.replace(b"[0, 1", b"[0" + b", 0" * 99 + b", 1")
    elif change == "its shape is no shape":
        parts[key] = whole.replace(f"[{ODD}]".encode(), b'["x"]')
    assert parts != stored(sent)
    return number, parts


@pytest.mark.parametrize(
    "change",
    ["a piece is missing", "it is no JSON", "it names a piece that it has not", "it leaves a piece out",
     "it is no array", "it is longer than it says", "its shape is no shape"],
)  # fmt: skip
def test_what_is_malformed_cannot_be_opened(change: str) -> None:
    number, parts = broken(change)
    with pytest.raises(Exception):  # noqa: B017
        arrived(parts).opened(number)


def test_a_piece_that_is_none_is_kept_for_flower_to_refuse() -> None:
    for odd in (b"ArrayChunk  9999" + b"x" * MOST, b"x" * 2 * MOST, b"ArrayChunk a 5\0" + b"x" * MOST):
        arriving = arrived({"one": odd})
        with pytest.raises(Exception):  # noqa: B017
            arriving.opened("one")


def test_nothing_stays_in_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sent = content(**LARGE)
    arriving = arrived(stored(sent))
    assert list(tmp_path.iterdir()) == []
    found = arriving.opened(sent.object_id)
    del arriving
    assert np.array_equal(arrays(found)["int64"].numpy(), LARGE["int64"])
