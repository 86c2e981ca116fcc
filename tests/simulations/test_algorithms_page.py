"""The tables of docs/algorithms.md are what the code says of each algorithm."""

import re
from pathlib import Path

import pytest

from isofed.simulations import algorithms
from isofed.simulations.algorithms import HEADS, MORE, page, row, title
from isofed.strategies.named import FAMILIES, STRATEGIES
from isofed.strategies.recipe import Recipe
from isofed.strategies.stock import flowers

DOCS = Path(__file__).resolve().parents[2] / "docs" / "algorithms.md"
REWRITE = "python -m isofed.simulations.algorithms docs/algorithms.md"


def test_the_page_is_up_to_date() -> None:
    written = DOCS.read_text(encoding="utf-8")
    assert page(written) == written, f"docs/algorithms.md is behind the code; write it anew with: {REWRITE}"


def test_every_algorithm_is_in_it_once_and_every_family_has_a_paragraph() -> None:
    written = DOCS.read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+)` \|", written, re.MULTILINE)) == sorted(STRATEGIES)
    for family in FAMILIES:
        section = written.partition(f"## {title(family)}\n")[2].partition("\n## ")[0]
        assert len(re.sub(r"^\|.*\n", "", section, flags=re.MULTILINE)) > 200, title(family)


@pytest.mark.parametrize(
    ("name", "cell", "said"),
    [
        ("fedavg", "leaves a site", "model"),
        ("fedavg", "stays at a site", "–"),
        ("fedbn", "measured", "sites"),
        ("fedper", "measured", "benchmark; sites"),
        ("fedper", "leaves a site", "model without its head"),
        ("fedproto", "leaves a site", "identity centres"),
        ("lgfedavg", "leaves a site", "head alone"),
        ("scaffold", "leaves a site", "model; control variates"),
        ("scaffold", "stays at the server", "`control`"),
        ("fedadam", "stays at the server", "`m`; `v`"),
        ("fedbabu", "measured", "benchmark; sites"),
        ("ditto", "stays at a site", "a model of its own"),
        ("qfedavg", "leaves a site", "model; `start_loss`; `square`"),
        ("feddf", "stays at the server", "public data"),
        ("dppt", "source", "2025"),
    ],
)
def test_a_cell_says_what_the_algorithm_does(name: str, cell: str, said: str) -> None:
    assert dict(zip((*HEADS, *MORE), row(name), strict=True))[cell] == said


def test_what_is_new_comes_into_the_page_and_the_text_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def fednew() -> Recipe:
        """A new one: θ ← θ | Δ."""
        return Recipe("fednew()")

    fednew.__module__ = algorithms.__name__
    monkeypatch.setitem(STRATEGIES, "fednew", fednew)
    known = algorithms._evaluable
    monkeypatch.setattr(algorithms, "_evaluable", lambda name: name == "fednew" or known(name))
    monkeypatch.setattr(algorithms, "FAMILIES", (*FAMILIES, {"fednew": fednew}))
    written = DOCS.read_text(encoding="utf-8")
    found = page(written)
    assert found.startswith(written.rstrip())
    assert "| `fednew` | A new one: `θ ← θ \\| Δ` | model | – | – | benchmark | – |\n" in found
    assert page(found) == found


def test_the_readme_counts_flower_s_own() -> None:
    readme = (DOCS.parents[1] / "README.md").read_text(encoding="utf-8")
    assert f"`flwr.FedYogi` and {len(flowers()) - 1} more" in readme
