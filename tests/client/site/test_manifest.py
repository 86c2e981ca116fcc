from dataclasses import replace
from pathlib import Path

import pytest

from isofed import __version__
from isofed.client.site.manifest import manifest
from isofed.client.site.settings import Settings
from isofed.errors import ConfigError, DataError
from isofed.protocols.manifest import checked, dumped
from tests.client.site.site_case import camera_tree, whole_tree


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_tree(tmp_path_factory.mktemp("tree") / "whole")


def test_a_camera_counts_what_is_its_own(tree: Path, tmp_path: Path) -> None:
    own = camera_tree(tree, tmp_path / "own", "cam3")
    said = manifest(Settings("cam3", "reid", "sysu", str(own), entity="north gate"))
    people = {path.parent.name for path in (own / "cam3").rglob("*.jpg")}
    counts = said.pop("counts")
    assert counts["images"] == counts["files"] - 3 and counts["identities"] < len(people)
    assert said == {
        **{"task": "reid", "layout": "sysu", "entity": "north gate", "role": "trainer", "level": "camera"},
        **{"cameras": ["cam3"], "classes": 8, "min_images": 2, "centres": "level", "version": __version__},
    }


def test_an_evaluator_counts_files_and_an_entity_lists_its_cameras(tree: Path) -> None:
    evaluator = Settings("evaluator", "reid", "sysu", str(tree), role="evaluator")
    said = manifest(evaluator)
    assert said["cameras"] == [] and set(said["counts"]) == {"files"} and said["counts"]["files"] > 3
    entity = manifest(replace(evaluator, name="sysu", role="trainer", level="entity"))
    assert entity["cameras"] == [f"cam{number}" for number in range(1, 7)]
    assert entity["counts"]["identities"] == 8


def test_no_path_no_name_of_a_file_and_no_label_is_in_it(tree: Path) -> None:
    said = manifest(Settings("cam1", "reid", "sysu", str(tree)))
    text = dumped(checked(said)).decode()
    assert "/" not in text and "jpg" not in text
    assert not any(f"{person:04d}" in text for person in range(1, 40))


def test_what_cannot_be_counted_is_told(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a folder"):
        manifest(Settings("cam1", "reid", "sysu", str(tmp_path / "nowhere")))
    with pytest.raises(DataError, match="cam2 is missing"):
        manifest(Settings("cam2", "reid", "sysu", str(camera_tree(tree, tmp_path / "own"))))
    with pytest.raises(ConfigError, match="did you mean 'sysu'"):
        manifest(Settings("cam1", "reid", "ssyu", str(tree)))
