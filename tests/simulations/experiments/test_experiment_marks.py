"""A result is written between the marks of a page and nowhere else."""

from pathlib import Path

import pytest

from isofed.errors import ConfigError
from isofed.simulations.experiments import course
from isofed.simulations.experiments.command import EXPERIMENTS, main
from isofed.simulations.experiments.marks import END, begin, check, fill

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_what_stood_between_is_replaced_and_all_else_kept(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{begin('vein')}\nold\n{END}\nafter\n")
    for text in ("new", "newer"):
        fill(page, "vein", text)
        assert page.read_text() == f"before\n{begin('vein')}\n\n{text}\n\n{END}\nafter\n"
    assert [path.name for path in tmp_path.iterdir()] == ["page.md"]


@pytest.mark.parametrize(
    "text", ["", begin("vein"), END + begin("vein"), f"{begin('other')}{END}", 2 * f"{begin('vein')}{END}"]
)
def test_a_page_without_its_marks_is_refused_before_anything_runs(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    monkeypatch.setattr(course, "workers", lambda *given: pytest.fail("it would run"))
    with pytest.raises(ConfigError, match="once each"):
        main(["vein", f"page={page}", f"out={tmp_path / 'x'}"])
    with pytest.raises(ConfigError, match="once each"):
        check(tmp_path / "none.md", "vein")
    assert page.read_text() == text


@pytest.mark.parametrize("name", list(EXPERIMENTS))
def test_every_experiment_has_its_page(name: str) -> None:
    check(DOCS / name / "experiment.md", name)
