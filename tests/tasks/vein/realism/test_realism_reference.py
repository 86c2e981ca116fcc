"""The measures on the finger that was published: what others measured on it comes out again."""

from pathlib import Path

import pytest

from isofed.tasks.vein.realism.compare import by_finger, spread
from isofed.tasks.vein.realism.numbers import look
from isofed.tasks.vein.realism.picture import find, kind, published
from isofed.tasks.vein.realism.registration import registration

ABOVE = Path(__file__).resolve().parents[4]
PUBLISHED = ABOVE / ".." / "shared" / "data" / "fingerveinsyn_sample"


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published finger is not here")
def test_the_published_finger_is_as_it_was_measured_before() -> None:
    files = [file for file in find(PUBLISHED, 1000) if kind(file) in ("Shift", "Scale")]
    (move, fit) = registration(published(files))
    # its masks lie seven pixels above the veins and one to their left
    assert move == (7, 1) and fit > 0.4
    pictures = [look(picture, move) for picture in published(files)]
    assert len(pictures) == 6 and len(by_finger(pictures)) == 1

    def median(name: str) -> float:
        return spread([seen.numbers[name] for seen in pictures]).median

    assert median("finger_mean") == pytest.approx(65, abs=3)
    assert median("finger_std") == pytest.approx(30, abs=2)
    assert 18 <= median("beside_mean") <= 23
    assert median("vein_to_tissue") == pytest.approx(0.84, abs=0.015)
    assert median("vein_to_tissue_low") == pytest.approx(0.67, abs=0.03)
    assert median("vein_to_tissue_high") == pytest.approx(1.03, abs=0.02)
    assert median("vein_width") == pytest.approx(6, abs=0.3)
    assert median("vein_width_low") == pytest.approx(4, abs=0.3)
    assert median("vein_width_high") == pytest.approx(9, abs=0.5)
    assert median("vein_share") == pytest.approx(0.17, abs=0.01)
    assert 3.3 <= median("vein_count") <= 6.3
    # what was taken off as no noise is not known to the last word
    assert median("grain_finger") == pytest.approx(1.2, abs=0.25)
    assert median("dip_width") == pytest.approx(10, abs=1.5)
