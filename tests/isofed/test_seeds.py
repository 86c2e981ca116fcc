import hashlib
import json
import pickle
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import CheckpointError
from isofed.seeds import (
    SECRET_BYTES,
    Secrets,
    _keyed,
    public,
    public_key,
    simulated_secrets,
    site_secrets,
)

KNOWN = {
    (0, 1, "cam1", "batches"): 14053161094198007172428572106163491267,
    (7, 0, "", "model"): 276146952259383959448994371892143205986,
}
FIRST = 814104779684802409


def test_known_values_stay() -> None:
    assert {key: public_key(*key) for key in KNOWN} == KNOWN
    assert public(0, 1, "cam1", "batches").integers(2**62) == FIRST


def test_another_process_draws_the_same() -> None:
    code = "from isofed.seeds import public; print(public(0, 1, 'cam1', 'batches').integers(2**62))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(found.stdout) == FIRST


@given(st.integers(), st.integers(0), st.text(), st.text())
def test_a_key_is_the_hash_of_a_list_in_json(seed: int, round: int, site: str, purpose: str) -> None:
    text = json.dumps(["isofed/public", seed, round, site, purpose])
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    assert public_key(seed, round, site, purpose).to_bytes(16, "little") == digest


@given(st.integers(0, 2**128 - 1))
def test_a_key_makes_the_generator_that_numpy_makes_of_it(key: int) -> None:
    ours, numpys = _keyed(key), np.random.Generator(np.random.Philox(key=key))
    assert str(ours.bit_generator.state) == str(numpys.bit_generator.state)
    assert ours.random(5).tolist() == numpys.random(5).tolist()
    again = pickle.loads(pickle.dumps(ours))
    assert again.random() == ours.random()


def test_no_two_uses_share_a_key() -> None:
    uses = list(product((0, 1), (0, 1, 10), ("", "1", "cam1", "cam11"), ("batches", "layers", "1batches")))
    assert len({public_key(*use) for use in uses}) == len(uses)
    first = [public(*use).random() for use in uses]
    assert len(set(first)) == len(uses)


def test_numpy_integers_are_integers() -> None:
    assert public_key(np.int64(3), np.int32(1), "a", "b") == public_key(3, 1, "a", "b")  # type: ignore[arg-type]


def test_a_secret_never_shows() -> None:
    root = bytes(range(65, 65 + SECRET_BYTES))
    secrets = Secrets(root)
    for text in (repr(secrets), str(secrets), f"{secrets}"):
        assert "ABC" not in text and root.hex() not in text


def test_every_use_has_bytes_of_its_own() -> None:
    secrets = simulated_secrets(0, "cam1")
    uses = [
        (1, 1, "noise"),
        (1, 2, "noise"),
        (2, 1, "noise"),
        (1, 1, "mask"),
        (11, 1, "noise"),
        (1, 11, "noise"),
    ]
    derived = [secrets.derive(*use) for use in uses]
    assert len(set(derived)) == len(uses) and {len(d) for d in derived} == {32}
    assert derived == [simulated_secrets(0, "cam1").derive(*use) for use in uses]
    assert secrets.root not in derived


def test_simulated_secrets_say_so_and_differ_by_seed_and_site() -> None:
    roots = {simulated_secrets(seed, site).root for seed in (0, 1) for site in ("a", "b")}
    assert len(roots) == 4 and simulated_secrets(0, "a").simulated


def test_a_site_keeps_its_secret(tmp_path: Path) -> None:
    path = tmp_path / "site" / "secret"
    first = site_secrets(path)
    assert site_secrets(path).root == first.root == path.read_bytes()
    assert len(first.root) == SECRET_BYTES and not first.simulated
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["secret"]
    assert site_secrets(tmp_path / "other").root != first.root


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_damaged_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(CheckpointError, match=f"holds {len(content)} bytes instead of 32"):
        site_secrets(tmp_path / "secret")


def test_of_two_runs_a_site_draws_other_secrets_and_a_simulation_the_same(tmp_path: Path) -> None:
    own, played = site_secrets(tmp_path / "secret"), simulated_secrets(0, "cam1")
    assert own.within("one").derive(1, 1, "noise") == own.within("one").derive(1, 1, "noise")
    assert own.within("one").derive(1, 1, "noise") != own.within("two").derive(1, 1, "noise")
    assert own.within("one").derive(1, 1, "noise") != own.derive(1, 1, "noise")
    assert played.within("one") == played.within("two") == played
