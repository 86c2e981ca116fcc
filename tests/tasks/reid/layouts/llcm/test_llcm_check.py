import shutil
from pathlib import Path

import pytest

from isofed.errors import DataError
from isofed.tasks.layouts.tree import MARK
from isofed.tasks.reid.layouts.llcm.check import PUBLISHED, check_llcm
from isofed.tasks.reid.layouts.llcm.make import SyntheticLlcm, generate
from isofed.tasks.task import Finding

TINY = SyntheticLlcm(identities=8, test_identities=2, images=1, height=32, width=16)
IMAGES = 2 * 9 * 8 + 2 * 17


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "llcm"
    generate(out, 0, TINY)
    return out


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may spoil."""
    return Path(shutil.copytree(made, tmp_path / "llcm"))


def _bad(findings: list[Finding]) -> list[str]:
    return [finding.what for finding in findings if not finding.ok]


def test_a_made_tree_fits_its_own_counts(root: Path) -> None:
    calls: list[tuple[int, int]] = []
    findings = check_llcm(root, lambda done, total: calls.append((done, total)))
    by_name = {finding.what: finding.found for finding in findings}
    assert _bad(findings) == []
    assert by_name["training identities"] == "8" and by_name["test identities"] == "2"
    assert by_name["camera 3: training images"] == "16"
    assert by_name["query images"] == str(2 * 8) and by_name["gallery images in a draw"] == str(2 * 9)
    assert calls[-1] == (IMAGES, IMAGES)


def test_without_a_mark_the_published_counts_are_expected(root: Path) -> None:
    (root / MARK).unlink()
    expected = {finding.what: finding.expected for finding in check_llcm(root)}
    assert expected["training identities"] == "713" and expected["test identities"] == "351"
    assert expected["camera 2: training identities"] == "20"
    assert expected["camera 6: training images"] == "8450"
    assert expected["query images"] == "7166" and expected["gallery images in a draw"] == "484"


def test_the_published_counts_add_up() -> None:
    assert sum(images for _, images in PUBLISHED.cameras) == PUBLISHED.visible + PUBLISHED.infrared == 30921


def test_each_unreadable_image_is_named(root: Path) -> None:
    images = sorted((root / "nir").rglob("*.jpg"))[:2] + sorted((root / "test_vis").rglob("*.jpg"))[:1]
    images[0].write_bytes(images[0].read_bytes()[:200])
    images[1].unlink()
    images[2].write_bytes(b"")
    findings = check_llcm(root)
    names = [path.relative_to(root).as_posix() for path in images]
    assert _bad(findings) == ["layout", *names, "images that can be read"]
    assert findings[-1].found == f"{IMAGES - 3} of {IMAGES}"


def test_a_line_too_many_and_a_wrong_label_show(root: Path) -> None:
    path = root / "idx" / "train_vis.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[0]]))
    bad = _bad(check_llcm(root))
    assert "images that a list names again" in bad and "visible training images" in bad
    assert "labels without a person of their own" not in bad
    path.write_text("\n".join([lines[0].rsplit(" ", 1)[0] + " 3", *lines[1:]]))
    assert _bad(check_llcm(root)) == ["labels without a person of their own"]


def test_an_extra_test_image_shows(root: Path) -> None:
    first = next((root / "test_nir" / "cam1").rglob("*.jpg"))
    first.with_name("0001_c01_s9_f9_nir.jpg").write_bytes(first.read_bytes())
    assert _bad(check_llcm(root)) == ["query images"]


@pytest.mark.parametrize("text", ["{}", '{"expected": {"identities": 1}}'])
def test_a_damaged_mark_is_refused(root: Path, text: str) -> None:
    (root / MARK).write_text(text)
    with pytest.raises(DataError, match="cannot be read; expected the counts that its maker wrote"):
        check_llcm(root)
