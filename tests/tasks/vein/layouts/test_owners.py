"""Who owns what, in one database and in a folder of several."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks.vein.layouts import owners
from isofed.tasks.vein.layouts.databases import DATABASES, FINGERVEINSYN
from isofed.tasks.vein.layouts.write import Small, neutral, write_parts

Draw = Callable[[int, int, int, tuple[int, int]], np.ndarray]
PLUSVEIN = DATABASES["plusvein"]


def plain(number: int, sample: int, session: int, size: tuple[int, int]) -> np.ndarray:
    return np.full(size, number + sample, np.uint8)


def written(root: Path, name: str, small: Small, *parts: str) -> Path:
    database = DATABASES[name]
    chosen = parts or (next(iter(database.parts)),)
    write_parts(root, database, small, {part: (plain, lambda n, s: neutral()) for part in chosen})
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of four databases, one of them unseen, and of a tree of drawn fingers."""
    root = tmp_path_factory.mktemp("several")
    written(root / "MMCBNU_6000", "mmcbnu", Small(2, 1))
    written(root / "utfvp", "utfvp", Small(1, 1))
    written(root / "PLUSVein-FV3", "plusvein", Small(2, 1), "led_palmar", "laser_palmar")
    written(root / "clinic", "fingerveinsyn", Small(3, 1))
    written(root / "unseen" / "VERA", "vera", Small(2, 1))
    (root / ".trash").mkdir()
    return root


def names(root: Path, level: str) -> list[str]:
    return [site.name for site in owners.sites(owners.several(root), level)]


def test_an_entity_is_a_database_and_a_camera_a_sensor(folder: Path) -> None:
    assert names(folder, "entity") == ["mmcbnu", "plusvein", "clinic", "utfvp"]
    sensors = ["mmcbnu", "plusvein-led_palmar", "plusvein-laser_palmar", "clinic", "utfvp"]
    assert names(folder, "camera") == names(folder, "camera_strict") == sensors
    assert names(folder, "sharing") == ["pooled"]


def test_the_unseen_are_nobody_s_and_are_tested(folder: Path) -> None:
    found = owners.several(folder)
    assert [sensor.name for sensor in found if not sensor.seen] == ["unseen-vera"]
    for level in ("entity", "camera", "sharing"):
        held = [sensor for seat in owners.seats(found, level) for sensor in seat.sensors]
        assert len(held) == 5 and all(sensor.seen for sensor in held)


def test_a_client_finds_itself_and_nobody_else(folder: Path) -> None:
    assert [s.name for s in owners.several(folder, "clinic")] == ["clinic"]
    assert [s.part for s in owners.several(folder, "plusvein")] == ["led_palmar", "laser_palmar"]
    one = owners.seat(owners.several(folder, "plusvein-laser_palmar"), "plusvein-laser_palmar")
    assert [s.part for s in one.sensors] == ["laser_palmar"]
    assert len(owners.seat(owners.several(folder, "pooled"), "pooled").sensors) == 5
    with pytest.raises(DataError, match="no data of the site asked for"):
        owners.seat(owners.several(folder), "clini")


@pytest.mark.parametrize(("subjects", "expected"), [(1, 1), (4, 1), (8, 2), (16, 4), (40, 4)])
def test_drawn_fingers_are_dealt_to_as_many_as_they_suffice_for(
    tmp_path: Path, subjects: int, expected: int
) -> None:
    root = written(tmp_path / "t", "fingerveinsyn", Small(subjects, 1))
    found = owners.sites(owners.alone(FINGERVEINSYN, root), "entity")
    assert len(found) == expected
    assert found[0].name == ("owner1" if expected > 1 else "fingerveinsyn")


def test_no_facts_tell_of_anybody(folder: Path) -> None:
    facts = {site.name: site.facts for site in owners.sites(owners.several(folder), "entity")}
    assert facts["plusvein"] == {"database": "PLUSVein-FV3", "took": "2 sensors"}
    assert facts["clinic"] == {"database": "FingerVeinSyn-5M", "took": "1 sensor"}


def test_a_folder_of_nothing_to_train_on_is_refused(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataError, match="holds no folder of a finger vein database") as error:
            owners.several(root)
        assert str(tmp_path) not in str(error.value)


def test_one_database_twice_is_refused(tmp_path: Path) -> None:
    for name in ("VERA", "vera"):
        written(tmp_path / name, "vera", Small(1, 1))
    with pytest.raises(DataError, match=r"two folders .* hold the same database"):
        owners.several(tmp_path)


def test_a_name_that_no_site_can_have_is_refused_without_saying_it(tmp_path: Path) -> None:
    (tmp_path / "Dr. Müller").mkdir()
    with pytest.raises(DataError, match="has a name that no site has") as error:
        owners.several(tmp_path)
    assert "Müller" not in str(error.value)


def test_folders_are_known_by_either_spelling() -> None:
    for name, database in DATABASES.items():
        assert owners.known(name) is owners.known(database.title.upper()) is database
    assert owners.known("hospital") is FINGERVEINSYN
