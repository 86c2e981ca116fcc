import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from isofed.tasks.vein.drawing.png import encode_grey

PICTURES = arrays.arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 40)))


@given(PICTURES, st.booleans())
def test_pillow_reads_back_what_was_written(image: np.ndarray, flat: bool) -> None:
    with Image.open(io.BytesIO(encode_grey(image, flat))) as read:
        assert read.mode == "L" and read.format == "PNG"
        assert np.array_equal(np.asarray(read), image)


@pytest.mark.parametrize("flat", [False, True])
def test_a_mask_grows_small(flat: bool) -> None:
    mask = np.zeros((300, 600), np.uint8)
    mask[100:200, 50:500] = 255
    assert len(encode_grey(mask, flat)) < 3000
