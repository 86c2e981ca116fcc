import shutil
from pathlib import Path

import numpy as np
import pytest

from isofed.errors import ConfigError, DataError
from isofed.tasks.layouts.tree import MARK
from isofed.tasks.reid.layouts.buptcampus.layout import BUPTCAMPUS
from isofed.tasks.reid.layouts.buptcampus.make import SyntheticBuptCampus, generate
from isofed.tasks.reid.layouts.buptcampus.read import CAMERAS, read_lists
from isofed.tasks.reid.layouts.tracklets import Tracklets, drawn, partners
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.sampling import paired

TINY = SyntheticBuptCampus(identities=8, test_identities=3, tracklets=1, frames=10, height=32, width=16)
OPTIONS = ReidOptions(height=32, width=16, batch_identities=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bupt") / "tree"
    generate(root, 3, TINY)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """Return a copy to spoil."""
    return Path(shutil.copytree(made, tmp_path / "tree"))


def test_sites_by_level(made: Path) -> None:
    for level in ("camera", "camera_strict"):
        assert [site.name for site in BUPTCAMPUS.sites(made, level)] == list(CAMERAS)
    assert [site.name for site in BUPTCAMPUS.sites(made, "entity")] == ["buptcampus"]
    assert [site.name for site in BUPTCAMPUS.sites(made, "sharing")] == ["pooled"]
    assert BUPTCAMPUS.resolve(made, OPTIONS) == {"classes": 8}


def test_a_camera_holds_pairs_and_needs_nobody_elses_frames(root: Path, tmp_path: Path) -> None:
    for folder in (root / "DATA").glob("*/*/*"):
        if folder.name != "CQ1":
            shutil.rmtree(folder)
    samples = BUPTCAMPUS.open_train(root, "CQ1", tmp_path / "cache", OPTIONS)
    films = samples.inputs
    assert isinstance(films, Tracklets) and len(samples) == 8 * 2
    assert (films.count, films.choice) == (10, "spread") and set(films.cams.tolist()) == {3}
    assert partners(films).tolist() == (np.arange(16) ^ 1).tolist()
    assert samples.domains.tolist() == [0, 1] * 8 and np.array_equal(films.ids[0::2], films.ids[1::2])
    with pytest.raises(DataError, match="camera LS3"):
        BUPTCAMPUS.open_train(root, "LS3", tmp_path / "other", OPTIONS)


def test_a_batch_of_pairs(made: Path, tmp_path: Path) -> None:
    samples = BUPTCAMPUS.open_train(made, "pooled", tmp_path / "cache", OPTIONS)
    ids = np.array(read_lists(made, "the tree").train_ids)
    assert np.array_equal(ids[samples.labels], samples.inputs.ids) and len(samples) == 6 * 16
    steps = paired(samples.labels, partners(samples.inputs), 8, 1, np.random.default_rng(0))
    assert steps.shape == (48 // 8 + 1, 16)
    batch = drawn(samples.inputs, steps[0], np.random.default_rng(0)).astype(int)
    colour = np.ptp(batch, axis=4).max((1, 2, 3))
    assert (colour[0::2] > 0).all() and (colour[1::2] == 0).all()


def test_pairs_are_aligned(made: Path, tmp_path: Path) -> None:
    """A pair's two films show one walk, so their outlines agree better than those of two walks."""
    samples = BUPTCAMPUS.open_train(made, "W4", tmp_path / "cache", OPTIONS)
    films = samples.inputs.batch(slice(None)).astype(float).mean(axis=4)
    edges = np.abs(np.diff(films, axis=3)).reshape(16, -1)
    edges = (edges - edges.mean(1, keepdims=True)) / edges.std(1, keepdims=True)
    alike = edges[0::2] @ edges[1::2].T / edges.shape[1]
    assert np.diag(alike).mean() > alike[~np.eye(8, dtype=bool)].mean() + 0.02


def test_the_evaluator_needs_test_persons_alone(root: Path, tmp_path: Path) -> None:
    for person in read_lists(root, "the tree").train_ids:
        shutil.rmtree(root / "DATA" / str(person))
    test = BUPTCAMPUS.open_test(root, tmp_path / "cache", OPTIONS)
    assert test.rule == "buptcampus" and len(test.query) == 3 and len(test.gallery) == 3 * 5
    assert test.query.batch(slice(0, 2)).shape == (2, 10, 32, 16, 3)
    assert (np.ptp(test.query.frames, axis=3) == 0).all() and np.ptp(test.gallery.frames, axis=3).any()
    asked = set(zip(test.query.ids.tolist(), test.query.cams.tolist(), strict=True))
    assert not asked & set(zip(test.gallery.ids.tolist(), test.gallery.cams.tolist(), strict=True))


def test_an_unknown_site_is_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no camera cam1"):
        BUPTCAMPUS.open_train(made, "cam1", tmp_path / "cache", OPTIONS)


@pytest.mark.slow
def test_a_seed_decides_everything(made: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 4)):
        generate(tmp_path / name, seed, TINY)
    trees = [
        {path.relative_to(tree): path.read_bytes() for path in sorted(tree.rglob("*")) if path.is_file()}
        for tree in (made, tmp_path / "a", tmp_path / "b")
    ]
    assert trees[0] == trees[1] != trees[2]


@pytest.mark.parametrize(("name", "value"), [("identities", 7), ("frames", 0), ("test_identities", 1)])
def test_bad_options_are_refused(name: str, value: int) -> None:
    with pytest.raises(ConfigError, match=rf"{name} is {value}; expected"):
        SyntheticBuptCampus(**{name: value})


def test_a_made_tree_fits_its_own_counts(made: Path) -> None:
    calls: list[tuple[int, int]] = []
    findings = BUPTCAMPUS.check(made, lambda done, total: calls.append((done, total)))
    by_name = {finding.what: finding for finding in findings}
    assert [finding.what for finding in findings if not finding.ok] == []
    assert by_name["identities"].found == by_name["identities"].expected == "13"
    assert by_name["gallery tracklets (visible)"].found == "15"
    assert calls[-1] == ((6 * 8 + 3 * 6 + 2) * 2 * 10,) * 2
    inside = BUPTCAMPUS.check(made / "DATA", None)
    assert [finding for finding in inside if not finding.ok] == []


def test_without_a_mark_the_published_counts_are_expected(root: Path) -> None:
    (root / MARK).unlink()
    by_name = {finding.what: finding for finding in BUPTCAMPUS.check(root, None)}
    for name, count in {"identities": "3080", "training identities": "1074"}.items():
        assert by_name[name].expected == count and not by_name[name].ok
    for name in ("test identities", "auxiliary identities", "training pairs"):
        assert by_name[name].ok and "not verified" in by_name[name].expected
    assert by_name["camera TSG2: training pairs"].ok


@pytest.mark.parametrize("text", ["", "{}", '{"expected": {"identities": 1}}', "[]"])
def test_a_damaged_mark_is_refused(root: Path, text: str) -> None:
    (root / MARK).write_text(text)
    with pytest.raises(DataError, match="cannot be read; expected the counts that its maker wrote"):
        BUPTCAMPUS.check(root, None)
