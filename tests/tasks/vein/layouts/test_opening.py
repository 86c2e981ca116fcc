"""What a client trains on and an evaluator tests on: whose fingers, and under which numbers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks.vein.layouts import opening, owners
from isofed.tasks.vein.layouts.databases import DATABASES, FINGERVEINSYN
from isofed.tasks.vein.layouts.layout import LAYOUTS, Databases, Sensors
from isofed.tasks.vein.layouts.write import Small, neutral, write_parts
from isofed.tasks.vein.options import VeinOptions

SMALL = VeinOptions(height=16, width=48)
Picture = Callable[[int, int, int, tuple[int, int]], np.ndarray]


def numbered(number: int, sample: int, session: int, size: tuple[int, int]) -> np.ndarray:
    """Draw the finger's number as a grey."""
    return np.full(size, 5 * number + sample, np.uint8)


def database(root: Path, name: str, small: Small, *parts: str) -> Path:
    kinds = parts or (next(iter(DATABASES[name].parts)),)
    write_parts(root, DATABASES[name], small, {kind: (numbered, lambda n, s: neutral()) for kind in kinds})
    return root


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return sixteen drawn fingers by themselves."""
    return database(tmp_path_factory.mktemp("lone") / "t", "fingerveinsyn", Small(16, 3))


def seats(root: Path) -> tuple[owners.Seat, ...]:
    return owners.seats(owners.alone(FINGERVEINSYN, root), "entity")


def shades(samples: object) -> set[int]:
    """Return the fingers that samples show."""
    pixels = np.asarray(samples.inputs[np.arange(len(samples))])  # type: ignore[attr-defined,arg-type]
    return set((pixels[:, 0, 0] // 5).tolist())


def test_owners_share_nobody_and_all_are_of_the_training_half(tree: Path, tmp_path: Path) -> None:
    held = [opening.open_seat(seat, tmp_path / seat.name, SMALL) for seat in seats(tree)]
    assert [shades(each) for each in held] == [{0, 1}, {2, 3}, {4, 5}, {6, 7}]
    tested = opening.open_tests(owners.alone(FINGERVEINSYN, tree), tmp_path / "test", SMALL)
    (test,) = tested.sets.values()
    assert set((test.fingers.pixels[:, 0, 0] // 5).tolist()) == set(range(8, 16))


def test_pictures_have_the_options_size_and_labels_count_from_zero(tree: Path, tmp_path: Path) -> None:
    found = opening.open_seat(seats(tree)[1], tmp_path, SMALL)
    assert found.inputs.shape == (6, 16, 48) and found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    again = opening.open_seat(seats(tree)[1], tmp_path, replace(SMALL, height=20))
    assert again.inputs.shape == (6, 20, 48)


@pytest.mark.parametrize(("share", "images", "pictures"), [(1.0, 2, 16), (0.5, 0, 24), (0.5, 1, 8)])
def test_a_few_are_as_many_as_asked_for(
    tree: Path, tmp_path: Path, share: float, images: int, pictures: int
) -> None:
    pooled = owners.seats(owners.alone(FINGERVEINSYN, tree), "sharing")[0]
    found = opening.open_seat(pooled, tmp_path, replace(SMALL, share=share, images=images))
    assert len(found) == pictures  # all eight fingers: never fewer than ten, as far as there are


def test_shuffled_labels_are_the_same_labels_in_another_order(tree: Path, tmp_path: Path) -> None:
    pooled = owners.seats(owners.alone(FINGERVEINSYN, tree), "sharing")[0]
    plain, shuffled = (
        opening.open_seat(pooled, tmp_path, replace(SMALL, labels=labels)).labels
        for labels in ("true", "shuffled")
    )
    assert sorted(plain) == sorted(shuffled) and plain.tolist() != shuffled.tolist()


def test_sensors_of_one_database_see_the_same_fingers_from_the_same_side(tmp_path: Path) -> None:
    parts = ("led_palmar", "led_dorsal", "laser_palmar")
    root = database(tmp_path / "p", "plusvein", Small(2, 2), *parts)
    sensors = owners.alone(DATABASES["plusvein"], root)
    (seat,) = owners.seats(sensors, "entity")
    found = opening.open_seat(seat, tmp_path / "c", SMALL)
    led, dorsal, laser = np.split(found.labels, 3)
    assert np.array_equal(led, laser) and not set(led) & set(dorsal)
    assert len(set(led)) == len(set(dorsal)) == 6
    assert found.domains.tolist() == [0] * 12 + [1] * 12 + [2] * 12
    assert opening.fingers(sensors, SMALL) == 12


def test_databases_share_no_finger(tmp_path: Path) -> None:
    for name in ("vera", "utfvp"):
        database(tmp_path / "several" / name, name, Small(4, 2))
    sensors = owners.several(tmp_path / "several")
    pooled = opening.open_seat(owners.seats(sensors, "sharing")[0], tmp_path / "c", SMALL)
    assert len(set(pooled.labels.tolist())) == opening.fingers(sensors, SMALL) == 2 * 6 + 2 * 2
    each = [opening.open_seat(seat, tmp_path / seat.name, SMALL) for seat in owners.seats(sensors, "entity")]
    assert [int(samples.labels.max()) + 1 for samples in each] == [12, 4]


def test_sessions_are_compared_where_asked_for(tmp_path: Path) -> None:
    root = database(tmp_path / "f", "fv_usm", Small(4, 2))
    sensors = owners.alone(DATABASES["fv_usm"], root)
    tested = opening.open_tests(sensors, tmp_path / "c", replace(SMALL, rule="sessions")).sets["fv_usm"]
    assert tested.split.probe is not None
    assert set(tested.fingers.takes.sessions[tested.split.enrol].tolist()) == {1}
    assert set(tested.fingers.takes.sessions[tested.split.probe].tolist()) == {2}
    assert len(tested.split.enrol) == len(tested.split.probe) == 2 * 4 * 2


@pytest.mark.parametrize(
    ("small", "sentence"),
    [
        (Small(3, 2), "holds 1 fingers to train on; expected 2 or more"),
        (Small(1, 2), "1 subject is there; expected two or more"),
        (Small(4, 1), "0 of them more than once; expected two fingers and two images of one"),
    ],
)
def test_too_little_is_refused(tmp_path: Path, small: Small, sentence: str) -> None:
    root = database(tmp_path / "f", "fingerveinsyn", small)
    with pytest.raises(DataError, match=sentence) as error:
        opening.open_seat(seats(root)[0], tmp_path / "c", SMALL)
    assert str(tmp_path) not in str(error.value)


def test_a_kind_of_pictures_that_is_not_there_is_refused(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no image of FingerVeinSyn-5M"):
        opening.open_seat(seats(tree)[0], tmp_path, replace(SMALL, part="roi"))


@pytest.mark.parametrize("name", ["vein_sensors", pytest.param("vein_databases", marks=pytest.mark.slow)])
def test_a_drawn_group_comes_back_whole(tmp_path: Path, name: str) -> None:
    options = {
        "vein_sensors": Sensors("usm_like", "vera_like", fingers=4, samples=2),
        "vein_databases": Databases("thu_fvfdt", "vera", subjects=4, samples=2),
    }[name]
    layout, calls = LAYOUTS[name], list[tuple[int, int]]()
    layout.make(tmp_path / "t", 0, options, map, lambda done, total: calls.append((done, total)))
    assert calls and all(line.ok for line in layout.check(tmp_path / "t", None))
    test = layout.open_test(tmp_path / "t", tmp_path / "test", SMALL)
    assert len(test.sets) == 2 and sum(sensor.startswith("unseen-") for sensor in test.sets) == 1
    (site,) = layout.sites(tmp_path / "t", "entity")
    assert len(layout.open_train(tmp_path / "t", site.name, tmp_path / "train", SMALL)) > 1
    assert layout.folders(tmp_path / "t", site.name) == (tmp_path / "t", tmp_path / "t" / site.name)


def test_two_sensors_never_draw_the_same_finger() -> None:
    options = Sensors("usm_like+vera_like", fingers=24)
    one, two = (options.drawing(name) for name in ("usm_like", "vera_like"))
    assert abs(one.first - two.first) >= 24


@pytest.mark.slow
def test_a_drawn_sensor_s_pictures_have_its_size_and_are_cut_in_every_way(tmp_path: Path) -> None:
    layout = LAYOUTS["vein_sensors"]
    layout.make(tmp_path / "t", 0, Sensors("vera_like", fingers=4, samples=2, parts="all"), map, None)
    lines = {line.what: line for line in layout.check(tmp_path / "t", None)}
    assert lines["width x height"].found == lines["width x height"].expected == "665 x 250"
    ways = [
        layout.open_test(tmp_path / "t", tmp_path / part, replace(SMALL, part=part)).sets["vera_like"]
        for part in ("roi", "raw", "edges")
    ]
    roi, raw, edges = (test.fingers.pixels.astype(float) for test in ways)
    assert np.abs(roi - raw).mean() < 1.0  # an ROI file is what a reader cuts out
    alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(raw, edges, strict=True)]
    assert 0.2 < np.mean(alike) < 0.999
