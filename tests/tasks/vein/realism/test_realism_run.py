"""The whole comparison, on a tree of the generator's own: nothing can be far off there."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isofed.errors import ConfigError
from isofed.tasks.vein.drawing.finger import identity
from isofed.tasks.vein.drawing.render import render
from isofed.tasks.vein.drawing.variations import Variation
from isofed.tasks.vein.realism.__main__ import main
from isofed.tasks.vein.realism.numbers import MEASURES, look
from isofed.tasks.vein.realism.picture import Picture, find, kind
from isofed.tasks.vein.realism.run import Plan, plain, shown


@pytest.fixture(scope="module")
def told(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of one comparison."""
    out = tmp_path_factory.mktemp("realism") / "new" / "out"
    assert main([str(tree), str(out), "--fingers", "3", "--each", "6", "--seed", "8"]) == 0
    return out


@pytest.mark.slow
def test_a_comparison_writes_its_files(told: Path) -> None:
    found = json.loads((told / "realism.json").read_text())
    assert sorted(path.name for path in told.iterdir()) == ["realism.json", "realism.md", "realism.png"]
    assert found["plan"] == {"fingers": 3, "each": 6, "seed": 8, "sensor": "fingerveinsyn", "most": 200}
    assert set(found["groups"]) == {"pose", "light", "mixed"}
    pictures = [
        sum(group[which]["pictures"] for group in found["groups"].values())
        for which in ("published", "drawn")
    ]
    assert pictures == [16, 18]
    assert (told / "realism.md").read_text().count("\n") == len(MEASURES) + 2
    # no name of a file or folder goes out with the numbers
    assert (
        str(told) not in (told / "realism.json").read_text()
        and "00001" not in (told / "realism.json").read_text()
    )


@pytest.mark.slow
def test_masks_of_our_own_lie_where_the_veins_are(told: Path) -> None:
    for place in json.loads((told / "realism.json").read_text())["masks"].values():
        assert (place["down"], place["right"]) == (0, 0) and place["correlation"] > 0.3


@pytest.mark.slow
def test_fingers_of_one_generator_are_like_each_other(told: Path) -> None:
    group = json.loads((told / "realism.json").read_text())["groups"]["pose"]
    for name, tolerance in (
        ("finger_mean", 8),
        ("vein_width", 1.7),
        ("vein_to_tissue", 0.1),
        ("grain_finger", 0.15),
    ):
        row = group["numbers"][name]
        assert row["published"]["median"] == pytest.approx(row["drawn"]["median"], abs=tolerance), name


@pytest.mark.slow
def test_the_figure_shows_pictures_and_charts(told: Path) -> None:
    with Image.open(told / "realism.png") as figure:
        assert figure.width > 1000 and figure.height > 1000
        pixels = np.asarray(figure.convert("RGB"))
    assert pixels[100:200, 20:380].std() > 10
    # nothing below the last chart's axis, and something in each
    assert (pixels[-1] == 255).all()


def test_errors_are_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere"), str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("isofed: ") and said.err.count("\n") == 1 and not said.out
    assert not (tmp_path / "out").exists()


def test_bad_numbers_are_refused_as_a_sentence(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tree), str(tmp_path), "--fingers", "1"]) == 2
    assert "'fingers' is 1" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [{"fingers": 1}, {"each": 0}, {"most": 0}, {"sensor": "fingerveinsin"}])
def test_a_plan_that_cannot_be_drawn(wrong: dict[str, int | str]) -> None:
    with pytest.raises(ConfigError):
        Plan(**wrong)  # type: ignore[arg-type]


def test_masks_are_placed_by_plain_pictures_and_kinds_differ_in_the_figure(tree: Path) -> None:
    files = find(tree, 100)
    assert {kind(file) for file in plain(files)} <= {"Shift", "Rotate", "Scale", "Roll"}
    mixed = [file for file in files if kind(file) == "Multi"]
    assert list(plain(mixed)) == mixed
    assert len({kind(file) for file in shown(files)}) == 3 and len(shown(mixed)) == 1


def test_a_drawn_finger_s_numbers_follow_from_what_it_is() -> None:
    finger = identity(5, 0)
    taken = render(finger, Variation())
    seen = look(Picture(0, 1, "Shift", taken.image, taken.shape > 0, taken.vein > 0, taken.centre))
    assert set(seen.numbers) == {measure.name for measure in MEASURES}
    assert seen.numbers["finger_mean"] == pytest.approx(finger.identity.level, abs=2)
    # photons and reading: sqrt(0.02 * 65 + 0.64), of which the measure sees 0.945
    assert seen.numbers["grain_finger"] == pytest.approx(0.945 * 1.39, abs=0.1)
    diameters = np.concatenate([v.diameters[v.points[:, 0] > 0] for v in finger.graph.vessels])
    assert seen.numbers["vein_width"] == pytest.approx(np.median(diameters), abs=1.3)
    assert seen.numbers["vein_to_tissue"] < 1
