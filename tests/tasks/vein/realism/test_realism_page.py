"""The page of the docs shows what is measured, and a figure that is fit for a repository."""

from pathlib import Path

import numpy as np
from PIL import Image

from isofed.tasks.vein.drawing.finger import identity
from isofed.tasks.vein.drawing.render import render
from isofed.tasks.vein.drawing.variations import Variation
from isofed.tasks.vein.realism.compare import spread
from isofed.tasks.vein.realism.numbers import MEASURES, look
from isofed.tasks.vein.realism.picture import Picture

DOCS = Path(__file__).resolve().parents[4] / "docs" / "vein"


def test_the_page_has_a_row_for_every_measure() -> None:
    rows = [line for line in (DOCS / "realism.md").read_text().splitlines() if line.count("|") == 7]
    named = [f"{measure.words}, {measure.unit}" if measure.unit else measure.words for measure in MEASURES]
    assert [row.split("|")[1].strip() for row in rows[2:]] == named


def test_the_figure_is_whole_and_small_and_its_pictures_have_their_licence() -> None:
    with Image.open(DOCS / "realism.png") as figure:
        figure.load()
        assert figure.width > 1000
    assert (DOCS / "realism.png").stat().st_size < 600_000
    assert "Permission is hereby granted" in (DOCS / "realism_licence.txt").read_text()
    assert "(realism_licence.txt)" in (DOCS / "realism.md").read_text()


def test_plain_drawn_pictures_are_where_the_plan_wants_them() -> None:
    found = []
    for number in range(8):
        taken = render(identity(21, number), Variation())
        picture = Picture(number, 1, "Shift", taken.image, taken.shape > 0, taken.vein > 0, taken.centre)
        found.append(look(picture).numbers)
    planned = [measure for measure in MEASURES if measure.band is not None]
    assert len(planned) == 5
    for measure in planned:
        low, high = measure.band or (0, 0)
        values = np.array([numbers[measure.name] for numbers in found])
        assert low <= spread(values).median <= high, measure.name
