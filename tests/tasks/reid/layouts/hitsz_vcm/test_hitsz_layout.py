import shutil
from pathlib import Path

import numpy as np
import pytest

from isofed.errors import ConfigError, DataError
from isofed.tasks.layouts.tree import MARK
from isofed.tasks.reid.layouts.hitsz_vcm.layout import HITSZ_VCM
from isofed.tasks.reid.layouts.hitsz_vcm.make import SyntheticHitszVcm, generate
from isofed.tasks.reid.layouts.hitsz_vcm.read import read_lists
from isofed.tasks.reid.layouts.tracklets import Tracklets, drawn
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.sampling import batches

TINY = SyntheticHitszVcm(identities=8, test_identities=2, tracklets=1, frames=12, height=32, width=16)
OPTIONS = ReidOptions(height=32, width=16, batch_identities=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hitsz") / "tree"
    generate(root, 3, TINY)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """Return a copy to spoil."""
    return Path(shutil.copytree(made, tmp_path / "tree"))


def test_sites_by_level(made: Path) -> None:
    for level in ("camera", "camera_strict"):
        sites = HITSZ_VCM.sites(made, level)
        assert [site.name for site in sites] == [f"cam{number}" for number in range(1, 7)]
        assert {site.facts["modality"] for site in sites} == {"both"}
    assert [site.name for site in HITSZ_VCM.sites(made, "entity")] == ["hitsz_vcm"]
    assert [site.name for site in HITSZ_VCM.sites(made, "sharing")] == ["pooled"]
    assert HITSZ_VCM.resolve(made, OPTIONS) == {"classes": 8}


def test_a_camera_has_both_modalities_and_needs_nobody_elses_frames(root: Path, tmp_path: Path) -> None:
    shutil.rmtree(root / "Test")
    for folder in (root / "Train").glob("*/*/D*"):
        if folder.name != "D4":
            shutil.rmtree(folder)
    samples = HITSZ_VCM.open_train(root, "cam4", tmp_path / "cache", OPTIONS)
    assert isinstance(samples.inputs, Tracklets) and len(samples) == 8 * 2
    assert (samples.inputs.count, samples.inputs.choice, samples.inputs.partner) == (6, "strips", None)
    assert set(samples.inputs.cams.tolist()) == {4} and sorted(samples.domains.tolist()) == [0] * 8 + [1] * 8
    grey = np.ptp(samples.inputs.frames, axis=3).reshape(16, -1).max(1)
    assert np.array_equal(grey == 0, samples.domains == 1)
    with pytest.raises(DataError, match="camera 2"):
        HITSZ_VCM.open_train(root, "cam2", tmp_path / "other", OPTIONS)


def test_labels_are_places_among_all_trained_persons(made: Path, tmp_path: Path) -> None:
    pooled = HITSZ_VCM.open_train(made, "hitsz_vcm", tmp_path / "cache", OPTIONS)
    ids = np.array(read_lists(made, "the tree").train.ids)
    assert np.array_equal(ids[pooled.labels], pooled.inputs.ids) and len(pooled) == 6 * 16
    steps = batches(pooled.labels, 8, 4, np.random.default_rng(0))
    assert drawn(pooled.inputs, steps[0], np.random.default_rng(0)).shape == (32, 6, 32, 16, 3)


def test_the_evaluator_needs_the_test_half_alone(root: Path, tmp_path: Path) -> None:
    shutil.rmtree(root / "Train")
    test = HITSZ_VCM.open_test(root, tmp_path / "cache", OPTIONS)
    assert test.rule == "hitsz_vcm" and len(test.query) == len(test.gallery) == 2 * 6
    assert test.query.batch(slice(0, 2)).shape == (2, 6, 32, 16, 3)
    assert (np.ptp(test.query.frames, axis=3) == 0).all() and np.ptp(test.gallery.frames, axis=3).any()


def test_too_few_persons_are_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cam1 holds 8 identities to train on, but a batch needs 9"):
        HITSZ_VCM.open_train(made, "cam1", tmp_path / "cache", ReidOptions(batch_identities=9))


@pytest.mark.slow
def test_a_seed_decides_everything(made: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 4)):
        generate(tmp_path / name, seed, TINY)
    trees = [
        {path.relative_to(tree): path.read_bytes() for path in sorted(tree.rglob("*")) if path.is_file()}
        for tree in (made, tmp_path / "a", tmp_path / "b")
    ]
    assert trees[0] == trees[1] != trees[2]


@pytest.mark.parametrize(
    ("name", "value"), [("identities", 7), ("frames", 11), ("tracklets", 0), ("width", 4)]
)
def test_bad_options_are_refused(name: str, value: int) -> None:
    with pytest.raises(ConfigError, match=rf"{name} is {value}; expected"):
        SyntheticHitszVcm(**{name: value})


def test_a_made_tree_fits_its_own_counts(made: Path) -> None:
    calls: list[tuple[int, int]] = []
    findings = HITSZ_VCM.check(made, lambda done, total: calls.append((done, total)))
    by_name = {finding.what: finding for finding in findings}
    assert [finding.what for finding in findings if not finding.ok] == []
    assert by_name["frames"].found == by_name["frames"].expected == str(12 * (6 * 8 * 2 + 2 * 6 * 2))
    assert calls[-1] == (1440, 1440)


def test_without_a_mark_the_published_counts_are_expected(root: Path) -> None:
    (root / MARK).unlink()
    by_name = {finding.what: finding for finding in HITSZ_VCM.check(root, None)}
    expected = {
        "identities": "927",
        "training identities": "500",
        "frames": "463259",
        "tracklets": "21863",
        "visible tracklets": "11785",
        "infrared tracklets": "10078",
    }
    for name, count in expected.items():
        assert by_name[name].expected == count and not by_name[name].ok
    assert by_name["test identities"].ok and "not verified" in by_name["test identities"].expected
    assert by_name["camera 1: training tracklets"].ok


def test_rows_that_belong_to_other_names_show(root: Path) -> None:
    info = root / "info" / "track_train_info.txt"
    rows = info.read_text().splitlines()
    swapped = [
        " ".join([row.split()[0], *other.split()[1:3], *row.split()[3:]])
        for row, other in zip(rows[:2], rows[1::-1], strict=True)
    ]
    info.write_text("\n".join(swapped + rows[2:]) + "\n")
    bad = [finding for finding in HITSZ_VCM.check(root, None) if not finding.ok]
    assert [(finding.what[:6], finding.found) for finding in bad] == [("frames", "24")]


def test_each_unreadable_frame_is_named(root: Path) -> None:
    frame = next((root / "Test").rglob("0003.jpg"))
    frame.write_bytes(frame.read_bytes()[:200])
    bad = [finding.what for finding in HITSZ_VCM.check(root, None) if not finding.ok]
    assert bad == [frame.relative_to(root).as_posix(), "images that can be read"]
    frame.unlink()
    assert next(finding.what for finding in HITSZ_VCM.check(root, None) if not finding.ok) == "layout"
