"""Gallery draws: repeatable, equal to the published ones, and refused where a file does not fit."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import loadmat, savemat

from isofed.errors import ConfigError, DataError
from isofed.tasks.reid.benchmarks.draws import agw, check_fit, galleries, groups, load_permutations, official
from isofed.tasks.reid.benchmarks.retrieval import labels

PUBLISHED = Path(__file__).resolve().parents[4] / ".." / "shared" / "data" / "sysu_mm01_protocol"
needs_published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="published permutations are not here")
ALL = (1, 2, 4, 5)

# (identity, camera) -> images, in no order
COUNTS = {(4, 2): 3, (1, 1): 12, (1, 2): 5, (4, 1): 30, (2, 5): 1, (2, 3): 2}


def gallery_of(counts, seed=0):
    """Return labels whose groups are interleaved, as files of several folders may be."""
    rows = np.array([key for key, images in counts.items() for _ in range(images)])
    return labels(*np.random.default_rng(seed).permutation(rows).T)


GALLERY = gallery_of(COUNTS)


def files(identity, camera):
    return np.flatnonzero((GALLERY.ids == identity) & (GALLERY.cams == camera)).tolist()


def test_agw_repeats_the_published_walk():
    for draw, columns in enumerate(galleries("agw", GALLERY, ALL)):
        random.seed(draw)
        walk = [(identity, camera) for identity in (1, 2, 4) for camera in ALL]
        assert columns.tolist() == [random.choice(files(*key)) for key in walk if files(*key)]


def test_a_draw_hangs_on_its_number_alone():
    found = groups(GALLERY, ALL)
    assert agw(found, 7, 1).tolist() == galleries("agw", GALLERY, ALL)[7].tolist()
    assert len({tuple(columns) for columns in galleries("agw", GALLERY, ALL)}) == 10


@given(st.integers(0, 9), st.integers(2, 12))
def test_several_shots_take_distinct_images_and_at_most_all(draw, shots):
    columns = agw(groups(GALLERY, ALL), draw, shots)
    assert len(set(columns.tolist())) == len(columns)
    for (identity, camera), images in COUNTS.items():
        taken = np.isin(files(identity, camera), columns).sum()
        assert taken == (min(shots, images) if camera in ALL else 0)


def test_none_takes_every_image_of_the_cameras_in_file_order():
    (columns,) = galleries("none", GALLERY, (1, 2))
    assert columns.tolist() == np.flatnonzero(np.isin(GALLERY.cams, (1, 2))).tolist()


def test_empty_galleries_and_unknown_names_are_refused():
    with pytest.raises(DataError, match="no image of cameras 7, 8"):
        galleries("agw", GALLERY, (7, 8))
    with pytest.raises(ConfigError, match="did you mean 'official'"):
        galleries("offical", GALLERY, ALL)
    with pytest.raises(ConfigError, match="--permutations"):
        galleries("official", GALLERY, ALL)


def write(path, counts, cameras=6, people=5):
    """Write permutations as the published file holds them, and return them."""
    generator = np.random.default_rng(1)
    made = {}
    cells = np.empty((cameras, 1), object)
    for camera in range(1, cameras + 1):
        cells[camera - 1, 0] = np.empty((people, 1), object)
        for person in range(1, people + 1):
            images = counts.get((person, camera), 0)
            table = np.array([generator.permutation(images) + 1 for _ in range(10)], np.uint8)
            cells[camera - 1, 0][person - 1, 0] = made[person, camera] = table.reshape(10, images)
    savemat(path, {"rand_perm_cam": cells})
    return made


@pytest.mark.parametrize("shots", [1, 10])
def test_official_takes_the_front_of_each_row_by_camera_then_person(tmp_path, shots):
    made = write(tmp_path / "p.mat", COUNTS)
    found = galleries("official", GALLERY, ALL, shots, tmp_path / "p.mat")
    assert len(found) == 10
    for run, columns in enumerate(found):
        walk = [(person, camera) for camera in ALL for person in range(1, 6)]
        fronts = [made[key][run, :shots].tolist() for key in walk]
        assert columns.tolist() == [
            files(*key)[entry - 1] for key, front in zip(walk, fronts, strict=True) for entry in front
        ]


@pytest.mark.parametrize("change", [{(4, 2): 4}, {(2, 5): 0}, {(1, 5): 2}])
def test_permutations_that_do_not_fit_are_refused_without_naming_anybody(tmp_path, change):
    write(tmp_path / "p.mat", COUNTS | change)
    with pytest.raises(DataError, match=r"lists \d images of one person in camera \d") as caught:
        galleries("official", GALLERY, ALL, 1, tmp_path / "p.mat")
    assert str(tmp_path) not in str(caught.value)


def test_people_and_cameras_that_are_not_searched_do_not_matter(tmp_path):
    write(tmp_path / "p.mat", COUNTS | {(5, 1): 9, (2, 3): 7})
    galleries("official", GALLERY, ALL, 1, tmp_path / "p.mat")


def test_files_that_are_no_permutations_are_refused(tmp_path):
    path = tmp_path / "p.mat"
    with pytest.raises(DataError, match="does not exist"):
        load_permutations(path)
    for content in (b"", b"hello", bytes(200), b"MATLAB 7.3 MAT-file" + bytes(300)):
        path.write_bytes(content)
        with pytest.raises(DataError, match="no MATLAB file"):
            load_permutations(path)
    savemat(path, {"something": np.ones(3)})
    with pytest.raises(DataError, match="no MATLAB file"):
        load_permutations(path)
    write(path, COUNTS)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="permutation"):
        load_permutations(path)


@pytest.mark.parametrize("table", [np.ones((10, 3)), np.ones((9, 1)), np.zeros((10, 1)), np.ones((10, 1, 1))])
def test_tables_that_permute_nothing_are_refused(tmp_path, table):
    cells = np.empty((1, 1), object)
    cells[0, 0] = np.empty((1, 1), object)
    cells[0, 0][0, 0] = table
    savemat(tmp_path / "p.mat", {"rand_perm_cam": cells})
    with pytest.raises(DataError, match="ten permutations"):
        load_permutations(tmp_path / "p.mat")


@needs_published
def test_the_published_file_gives_the_published_sizes():
    permutations = load_permutations(PUBLISHED / "rand_perm_cam.mat")
    people = set(loadmat(PUBLISHED / "test_id.mat")["id"].ravel().tolist())
    counts = {key: table.shape[1] for key, table in permutations.items() if key[0] in people}
    visible = {key: images for key, images in counts.items() if key[1] in ALL}
    assert len(people) == 96
    assert sum(images for (_, camera), images in counts.items() if camera in (3, 6)) == 3803
    assert sum(visible.values()) == 6775
    assert min(visible.values()) == 13

    gallery = gallery_of(visible)
    for cameras, single in ((ALL, 301), ((1, 2), 112)):
        found = groups(gallery, cameras)
        check_fit(found, permutations, cameras)
        for shots in (1, 10):
            columns = official(found, 9, shots, permutations)
            assert len(columns) == len(agw(found, 9, shots)) == single * shots
            assert len(set(columns.tolist())) == len(columns)
