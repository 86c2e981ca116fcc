import numpy as np
import pytest

from isofed.tasks.reid.drawing.cameras import LOOKS
from isofed.tasks.reid.drawing.walk import film, follow, twins

SIZE = (64, 32)
VISIBLE, INFRARED = twins(LOOKS[5], 31)


def _film(identity: int = 3, way: str = "walk 1", view: str = "a", frames: int = 12) -> np.ndarray:
    return film(0, identity, VISIBLE, way, view, frames, SIZE).astype(float)


def test_a_film_is_made_from_its_seed_and_grows_at_its_end() -> None:
    assert np.array_equal(_film(frames=12)[:4], _film(frames=4))
    assert film(0, 3, VISIBLE, "w", "a", 5, SIZE).dtype == np.uint8
    assert film(0, 3, INFRARED, "w", "a", 5, SIZE).shape == (5, *SIZE)


def test_neighbouring_frames_are_alike_and_distant_ones_are_not() -> None:
    gaps = [np.abs(_film(who, frames=25)[[1, 24]] - _film(who, frames=25)[0]) for who in range(6)]
    near, far = np.mean(gaps, axis=(0, 2, 3, 4))
    assert near < 0.7 * far


def test_every_frame_has_noise_of_its_own() -> None:
    first, second = _film(view="a"), _film(view="b")
    assert 0 < np.abs(first - second).mean() < np.abs(first - _film(way="walk 2")).mean()


def test_twins_see_the_same_walk() -> None:
    shots = [
        follow(look, 0.9, SIZE, 12, np.random.default_rng(1), np.random.default_rng(seed))
        for look, seed in ((VISIBLE, 2), (INFRARED, 3))
    ]
    for part in ("turn", "scale", "top", "middle", "pan", "hidden"):
        assert np.array_equal(*(getattr(shot, part) for shot in shots)), part
    assert [shot.noise.shape[0] for shot in shots] == [3, 1]
    assert (VISIBLE.room, VISIBLE.modality, INFRARED.modality) == (31, "visible", "infrared")


@pytest.mark.parametrize("seed", range(8))
def test_a_walk_has_steps_and_stays_in_the_picture(seed: int) -> None:
    shot = follow(VISIBLE, 1.0, SIZE, 48, np.random.default_rng(seed), np.random.default_rng(0))
    swing = shot.pose.stride[:, 0]
    steps = np.count_nonzero(np.diff(np.sign(swing)))
    assert 5 <= steps <= 11, "two steps in about twelve frames"
    assert np.array_equal(np.sign(swing), np.sign(shot.pose.swing[:, 0]))
    assert (np.abs(shot.middle - 16) < 6).all() and (shot.top > -4).all() and (shot.top < 32).all()
    assert np.abs(np.diff(shot.turn, axis=0)).max() < 0.06 and np.abs(np.diff(shot.scale, axis=0)).max() < 1
    assert set(np.round(shot.hidden[:, 0], 6).tolist()) <= {0.0, round(float(shot.hidden.max()), 6)}
