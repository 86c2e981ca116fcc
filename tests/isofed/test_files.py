import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isofed.errors import CheckpointError
from isofed.files import atomic, load_state, save_state, write_json
from isofed.trees import Tree, from_arrays

ARRAY = st.sampled_from(
    ("float16", "float32", "float64", "int8", "uint64", "bool", "complex64", ">f4", "<U3")
).flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)))
VALUE = st.one_of(ARRAY, st.dictionaries(st.text(max_size=4), ARRAY, max_size=4).map(from_arrays))
STATE = {
    "model": from_arrays({"w": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(3)}),
    "counts": np.array([1, 2, 3]),
}


def written(folder: Path) -> Path:
    path = folder / "round.ckpt"
    save_state(path, {"round": 3, "sites": ["a", "b"]}, STATE)
    return path


@settings(max_examples=50)
@given(st.dictionaries(st.text(max_size=5), VALUE, max_size=4))
def test_states_come_back_bit_for_bit(state: dict[str, Tree | np.ndarray]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "deep" / "state"
        save_state(path, {"a": [1, None, "x"]}, state, durable=True)
        meta, found = load_state(path, "the state")
    assert meta == {"a": [1, None, "x"]} and list(found) == list(state)
    for name, value in state.items():
        got = found[name]
        assert type(got) is type(value)
        pairs = [(got, value)]
        if isinstance(value, Tree) and isinstance(got, Tree):
            assert got.layout == value.layout
            pairs = [(got[leaf], value[leaf]) for leaf in value]
        for here, there in pairs:
            assert (here.dtype, here.shape) == (there.dtype, there.shape)
            assert here.tobytes() == there.tobytes()


def test_sums_come_back_as_wide_as_they_were(tmp_path: Path) -> None:
    sums = from_arrays({"w": np.ones(3, np.float32), "n": np.array([5])}).wide().map(lambda b: b / 3)
    save_state(tmp_path / "s", {}, {"momentum": sums})
    found = load_state(tmp_path / "s", "the state")[1]["momentum"]
    assert isinstance(found, Tree)
    assert found.buffers["float32"].dtype == np.float64
    assert np.array_equal(found["w"], sums["w"]) and np.array_equal(found["n"], sums["n"])


@pytest.mark.parametrize("keep", [0, 3, 8, 12, 20, 60, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"^the checkpoint is (damaged|no isofed).*; [^.]*$"):
        load_state(path, "the checkpoint")


def test_any_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        with pytest.raises(CheckpointError) as error:
            load_state(path, "the checkpoint")
        assert "\n" not in str(error.value)


def test_added_bytes_are_noticed(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(CheckpointError, match="damaged"):
        load_state(path, "the checkpoint")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(CheckpointError, match="the checkpoint is no isofed state file"):
        load_state(path, "the checkpoint")


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"the memory cannot be read \(No such file or directory\)"):
        load_state(tmp_path / "x", "the memory")


def test_a_block_that_raises_leaves_the_old_file(tmp_path: Path) -> None:
    path = written(tmp_path)
    old = path.read_bytes()
    with pytest.raises(RuntimeError), atomic(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_block_that_raises_leaves_no_new_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), atomic(tmp_path / "new") as file:
        file.write(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_the_file_appears_only_at_the_end(tmp_path: Path) -> None:
    with atomic(tmp_path / "deep" / "new") as file:
        file.write(b"whole")
        file.flush()
        assert not (tmp_path / "deep" / "new").exists()
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["new"]


def test_json_that_cannot_be_written_leaves_the_old(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 1}
    assert len(list(tmp_path.iterdir())) == 1
