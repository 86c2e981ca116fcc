"""Distances, centrelines and lengths beside oracles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from isofed.tasks.vein.drawing.pattern import euler
from isofed.tasks.vein.realism.shapes import centreline, distance, length

MASKS = arrays(bool, st.tuples(st.integers(1, 20), st.integers(1, 20)))


@given(MASKS, st.integers(1, 9))
def test_distances_are_those_of_an_exact_transform(mask: np.ndarray, most: int) -> None:
    # without any pixel that is not set, that transform means nothing
    exact = ndimage.distance_transform_edt(mask) if not mask.all() else np.full(mask.shape, most)
    assert distance(mask, most) == pytest.approx(np.minimum(exact, most))


@given(arrays(bool, (9, 9), elements=st.booleans()))
def test_a_centreline_hangs_together_as_its_mask_does(small: np.ndarray) -> None:
    # blocks of 5 x 5: thinning is known to lose a lone square of 2 x 2
    mask = np.kron(small, np.ones((5, 5), bool))
    line = centreline(mask)
    assert not (line & ~mask).any()
    assert euler(line) == euler(mask)
    assert ndimage.label(line, np.ones((3, 3)))[1] == ndimage.label(mask, np.ones((3, 3)))[1]


def test_a_bar_thins_to_its_middle() -> None:
    mask = np.zeros((30, 80), bool)
    mask[10:17, 5:75] = True
    line = centreline(mask)
    assert (line[:, 12:68].sum(0) == 1).all() and line[13, 12:68].all()


@pytest.mark.parametrize("steps", [1, 7])
def test_the_length_of_a_line(steps: int) -> None:
    straight, aslant = np.zeros((12, 12), bool), np.zeros((12, 12), bool)
    straight[3, 2 : 3 + steps] = True
    aslant[range(1, 2 + steps), range(1, 2 + steps)] = True
    assert length(straight) == steps == length(straight.T)
    assert length(aslant) == pytest.approx(steps * np.sqrt(2)) == pytest.approx(length(aslant[::-1]))
    corner = straight.copy()
    corner[3 : 3 + 4, 2] = True
    # the diagonal pair at the corner is joined by a third pixel
    assert length(corner) == steps + 3
