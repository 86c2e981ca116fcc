import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.protocols import noise
from isofed.protocols.noise import normals, uniforms

KEY = bytes(range(32))


def test_the_stream_is_aes_in_counter_mode() -> None:
    # openssl enc -aes-256-ctr of 16 zero bytes under this key and a counter of zero
    known = bytes.fromhex("f29000b62a499fd0a9f39a6add2e7780")
    words = (int.from_bytes(known[:8], "little"), int.from_bytes(known[8:], "little"))
    assert uniforms(KEY, 2).tolist() == [(word >> 11) / 2**53 for word in words]


@given(st.integers(0, 40), st.integers(1, 7))
def test_numbers_do_not_depend_on_how_many_are_made_at_a_time(count: int, block: int) -> None:
    whole = uniforms(KEY, count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(noise, "BLOCK", block)
        assert np.array_equal(uniforms(KEY, count), whole)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_any_number_of_them(count: int) -> None:
    assert uniforms(KEY, count).shape == normals(KEY, count).shape == (count,)


def test_another_key_gives_other_numbers() -> None:
    assert not (uniforms(KEY, 100) == uniforms(bytes(32), 100)).any()


def test_uniform_numbers_fill_their_cells_evenly() -> None:
    counts, _ = np.histogram(uniforms(KEY, 200_000), bins=100, range=(0, 1))
    squares = ((counts - 2000) ** 2 / 2000).sum()  # chi-square with 99 degrees of freedom
    assert 48 < squares < 169  # of which one in 100,000 lies outside


def test_normal_numbers_have_the_moments_of_a_normal_law() -> None:
    drawn = normals(KEY, 400_000)
    error = 5 / np.sqrt(len(drawn))
    assert abs(drawn.mean()) < error
    assert abs((drawn**2).mean() - 1) < error * np.sqrt(2)
    assert abs((drawn**3).mean()) < error * np.sqrt(15)
    assert abs((drawn**4).mean() - 3) < error * np.sqrt(96)
    assert abs((drawn[::2] * drawn[1::2]).mean()) < error * np.sqrt(2)  # the two of a pair
    assert np.isfinite(drawn).all() and np.abs(drawn).max() > 4
