from collections import Counter

import numpy as np

from isofed.tasks.reid.drawing.persons import BAGS, HAIR, LOWERS, SLEEVES, person


def test_a_person_is_a_function_of_seed_and_number() -> None:
    assert person(0, 5) == person(0, 5)
    assert person(0, 5) != person(0, 6)
    assert person(0, 5) != person(1, 5)


def test_every_form_is_drawn() -> None:
    crowd = [person(0, number) for number in range(300)]
    for forms, drawn in (
        (HAIR, [one.hair for one in crowd]),
        (BAGS, [one.bag for one in crowd]),
        (LOWERS, [one.lower_form for one in crowd]),
        (SLEEVES, [one.sleeve for one in crowd]),
        ((-1, 1), [one.bag_side for one in crowd]),
    ):
        counts = Counter(drawn)
        assert set(counts) == set(forms)
        assert min(counts.values()) > 300 / len(forms) / 2


def test_bodies_differ_and_stay_bodies() -> None:
    builds = [person(0, number).build for number in range(300)]
    for name in ("height", "leg", "shoulder", "waist", "hip", "limb", "head"):
        values = np.array([getattr(build, name) for build in builds])
        assert values.min() > 0 and values.std() > 0.02 * values.mean()
    assert max(build.height for build in builds) <= 1.0
    assert all(0.4 < build.leg < 0.55 for build in builds)


def test_skin_is_bright_in_infrared_whatever_its_colour() -> None:
    skins = [person(0, number).skin for number in range(200)]
    assert np.std([skin.visible[0] for skin in skins]) > 0.1
    assert min(skin.infrared for skin in skins) >= 0.55
