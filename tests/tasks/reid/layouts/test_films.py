from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isofed.errors import DataError
from isofed.tasks.reid.layouts.films import Film, compared, domains, image_files, opened
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.task import Finding

OPTIONS = ReidOptions(height=16, width=16)


@pytest.fixture
def films(tmp_path: Path) -> tuple[Film, ...]:
    """Return two films of 3 and 2 frames, as bright as 10 times their number in the order of files."""
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for number, path in enumerate(paths):
        Image.new("RGB", (20, 20), (10 * number,) * 3).save(path)
    return Film(7, 2, False, tuple(paths[:3])), Film(9, 4, True, tuple(paths[3:]))


def test_films_become_tracklets(films: tuple[Film, ...], tmp_path: Path) -> None:
    made = opened(tmp_path / "cache", films, OPTIONS, 2, "spread", np.array([1, 0]))
    assert made.frames.shape == (5, 16, 16, 3) and isinstance(made.frames, np.memmap)
    assert made.starts.tolist() == [0, 3] and made.lengths.tolist() == [3, 2]
    assert made.ids.tolist() == [7, 9] and made.cams.tolist() == [2, 4] and made.ids.dtype == np.int64
    assert made.batch(np.array([1, 0]))[:, :, 0, 0, 0].tolist() == [[30, 40], [0, 10]]
    assert made.partner is not None and (made.count, made.choice) == (2, "spread")
    assert domains(films).tolist() == [0, 1]


def test_frames_that_cannot_be_read_are_counted_and_not_named(
    films: tuple[Film, ...], tmp_path: Path
) -> None:
    films[1].frames[0].write_bytes(b"no image")
    with pytest.raises(DataError, match="1 of 2 images of camera 4 cannot be read") as caught:
        opened(tmp_path / "cache", films, OPTIONS, 2, "spread")
    assert "png" not in str(caught.value)


def test_frames_are_listed_film_by_film(films: tuple[Film, ...]) -> None:
    assert [(file.id, file.camera, file.path.name) for file in image_files(films)] == [
        (7, 2, "0.png"),
        (7, 2, "1.png"),
        (7, 2, "2.png"),
        (9, 4, "3.png"),
        (9, 4, "4.png"),
    ]


def test_what_nobody_vouches_for_is_told_and_never_wrong() -> None:
    found = {"a": 1, "b": 2, "c": 3, "d": 4}
    assert list(compared(found, {"a": 1, "b": 3}, {"c": 5, "b": 2})) == [
        Finding("a", "1", "1", True),
        Finding("b", "2", "3", False),
        Finding("c", "3", "5, which is not verified", True),
        Finding("d", "4", "anything: no count is published", True),
    ]
