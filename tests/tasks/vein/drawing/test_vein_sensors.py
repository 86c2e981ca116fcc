from dataclasses import replace

import numpy as np
import pytest

from isofed.errors import ConfigError
from isofed.tasks.vein.drawing.finger import identity
from isofed.tasks.vein.drawing.render import render, roi_box
from isofed.tasks.vein.drawing.roi import render_roi
from isofed.tasks.vein.drawing.schedule import PUBLISHED, variation
from isofed.tasks.vein.drawing.sensors import PRESETS, Sensor, preset
from isofed.tasks.vein.drawing.variations import Variation
from isofed.tasks.vein.drawing.writer import Drawing, mark


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_draws_its_size(name: str) -> None:
    sensor = preset(name)
    finger = identity(3, 0, sensor)
    taken = render(finger, variation(3, 0, 60, sensor.schedule), sensor)
    assert taken.image.shape == taken.vein.shape == taken.shape.shape == (sensor.height, sensor.width)
    assert taken.image[taken.shape > 0].mean() > 1.5 * taken.image[taken.shape == 0].mean()
    assert render_roi(finger, taken.variation, sensor).shape == (100, 300)


def test_a_finger_is_the_same_before_every_sensor() -> None:
    fingers = [identity(3, 1, sensor) for sensor in PRESETS.values()]
    for finger in fingers[1:]:
        assert np.array_equal(finger.neutral[2], fingers[0].neutral[2])
        assert finger.identity.R0 == fingers[0].identity.R0


def test_sensors_differ_in_brightness_and_noise() -> None:
    pictures = {
        name: render_roi(identity(3, 1, preset(name)), Variation(), preset(name)).astype(float)
        for name in PRESETS
    }
    assert pictures["vera_like"].mean() > 1.5 * pictures["fingerveinsyn"].mean()
    rough = {name: np.abs(np.diff(p, axis=1)).mean() / p.mean() for name, p in pictures.items()}
    assert rough["sdumla_like"] > 1.5 * rough["mmcbnu_like"]


def test_a_finer_pitch_enlarges_the_box() -> None:
    fine = replace(Sensor(), pitch=0.05, height=600, width=1200)
    finger = identity(3, 1, fine)
    (x, y), size, _ = roi_box(finger, Variation(), fine)
    one, whole, _ = roi_box(finger, Variation(), Sensor())
    assert size == pytest.approx((2 * whole[0], 2 * whole[1]))
    assert (x - 599.5, y - 299.5) == pytest.approx((2 * (one[0] - 299.5), 2 * (one[1] - 149.5)))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"pitch": 0.0}, "'pitch' is 0.0, but must lie between 0.02 and 0.5"),
        ({"height": 10}, "'height' is 10"),
        ({"mu_v": (0.0, 9.0)}, "'mu_v' is 9.0"),
        ({"style": "x-ray"}, "'style' is 'x-ray', but must be one of transmission, reflection"),
    ],
)
def test_an_impossible_sensor_is_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        replace(Sensor(), **change)


def test_an_unknown_preset_is_told_the_nearest() -> None:
    with pytest.raises(ConfigError, match="usm_like"):
        preset("usm_lik")


def test_the_published_schedule_can_be_had_before_every_sensor() -> None:
    mild, varied = preset("utfvp_like"), preset("utfvp_like", "published")
    assert varied.schedule is PUBLISHED and replace(varied, schedule=mild.schedule) == mild
    turns = [[abs(variation(0, 0, n, s.schedule).pose.angle) for n in range(60, 100)] for s in (mild, varied)]
    assert max(turns[0]) <= 2.0 < 6.0 < max(turns[1])
    with pytest.raises(ConfigError, match="published"):
        preset("utfvp_like", "publishd")


def test_what_is_drawn_says_another_schedule_alone() -> None:
    assert "schedule" not in mark(0, Drawing())["options"]
    assert mark(0, Drawing(schedule="published"))["options"]["schedule"] == "published"
