"""A task's own words for its samples and labels, where sentences are written for images."""

from pathlib import Path

import numpy as np
import pytest

from isofed.errors import CheckpointError
from isofed.files import write_json
from isofed.simulations import facts
from isofed.simulations.board import QUERY, strip
from isofed.simulations.report.gallery import Gallery, GalleryRow, Hit, gallery_block
from isofed.simulations.report.sites import named
from isofed.simulations.report.words import of_samples, plural


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("images; labels of single images", "clips; labels of single clips"),
        ("no image in it weighs more than 1/min_images", "no clip in it weighs more than 1/min_images"),
        ("the pictures behind it", "the clips behind it"),
        ("strategy 'fednova(count='images')', data.make.images=2", None),
    ],
)
def test_sentences_about_images_are_about_samples_and_options_keep_their_names(
    told: str, said: str | None
) -> None:
    assert of_samples(told, "clip") == (said or told)
    assert of_samples(told, "image") == told


def test_what_is_counted_has_the_task_s_name() -> None:
    assert [plural(word) for word in ("clip", "identity")] == ["clips", "identities"]
    assert named({"words": {"sample": "clip", "label": "emotion"}}) == {
        "images": "clip",
        "identities": "emotion",
    }
    assert named({}) == {"images": "image", "identities": "identity"}


def test_other_data_are_told_in_the_task_s_words(tmp_path: Path) -> None:
    write_json(tmp_path / "facts.json", {"silo1": {"images": 9, "identities": 2}})
    with pytest.raises(CheckpointError, match="9 clips of 2 emotions then, 1 clip of 1 emotion now"):
        facts.same(tmp_path / "facts.json", {"silo1": {"images": 1, "identities": 1}}, ("clip", "emotion"))


def test_a_picture_that_is_neither_right_nor_wrong_has_no_mark() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    rows = {right: GalleryRow(pixels, "all", (Hit(pixels, right, "clips"),)) for right in (True, None)}
    pages = {right: gallery_block(Gallery((row,), retrieval=False)).text for right, row in rows.items()}
    assert 'class="mark"' in pages[True] and "Picture 1, right: clips" in pages[True]
    assert 'class="mark"' not in pages[None] and "Picture 1: clips" in pages[None]
    assert (strip(rows[None])[0, -20] == QUERY).all() and not (strip(rows[True])[0, -20] == QUERY).all()
