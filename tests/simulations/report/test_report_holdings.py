"""The picture of who holds what: counted, grouped, drawn, and said."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.simulations.holdings import BINS, FILE, binned, load
from isofed.simulations.report.holdings import holdings


@given(
    st.dictionaries(
        st.text("abc", min_size=1), st.lists(st.integers(0, 9), min_size=1, max_size=90), min_size=1
    )
)
def test_groups_lose_no_sample(counts: dict[str, list[int]]) -> None:
    found = binned(counts, False)
    assert {site: sum(row) for site, row in found["sites"].items()} == {s: sum(c) for s, c in counts.items()}
    assert all(len(row) == min(BINS, found["labels"]) for row in found["sites"].values())
    assert found["ends"][-1] == found["labels"] == max(map(len, counts.values()))


def test_each_piece_is_as_wide_as_what_it_stands_for() -> None:
    told = {"holdings": binned({"a": [30, 0, 10], "b": [0, 20]}, False)}
    page = str(holdings(told))
    pieces = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"[^>]*class="(c\d)"', page)
    widths = [float(width) + 0.6 for _, _, width, _ in pieces]
    assert [kind for *_, kind in pieces] == ["c0", "c2", "c1"]
    assert widths == pytest.approx([widths[1] * 3, widths[1], widths[1] * 2], abs=0.05)
    assert "3 identities, each a piece of its own" in page and "virtual" not in page
    assert "Images of each site, by identity: a 40; b 20." in page


def test_what_is_divided_anew_or_numbered_alone_is_said() -> None:
    divided = {"partition": "dirichlet", "clients": 2, "alpha": 0.5}
    page = str(holdings({"holdings": binned({"a": [1] * 90, "b": [2]}, True), "partition": divided}))
    assert "90 identities in 40 groups of neighbouring numbers" in page
    assert "Every site numbers its own" in page
    assert "dealt anew by “dirichlet” (clients 2, alpha 0.5); no owner of such data exists" in page


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    assert holdings({}) is None and holdings({"holdings": binned({"a": []}, False)}) is None
    assert load(tmp_path) is None
    (tmp_path / FILE).write_text('{"labels": 1}')
    assert load(tmp_path) == {"labels": 1}
