"""The table {strategy} x {privacy} x {task} of the docs is what building every cell gives."""

from pathlib import Path

from isofed.protocols.privacy import PRIVACY
from isofed.simulations.compatibility import PLACES, ROWS, RUNS, cells, judged, page
from isofed.strategies.named import STRATEGIES

DOCS = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"
REWRITE = "python -m isofed.simulations.compatibility docs/compatibility.md"


def test_the_page_is_up_to_date() -> None:
    found = page()
    print(found)
    written = DOCS.read_text(encoding="utf-8")
    assert written == found, f"docs/compatibility.md is behind the code; write it anew with: {REWRITE}"


def test_every_strategy_and_every_choice_is_in_it() -> None:
    assert {row["name"] for row in ROWS.values()} == set(STRATEGIES)
    assert len(cells()) == len(PLACES) * len(ROWS) * len(PRIVACY)


def test_every_choice_runs_somewhere_and_every_refusal_says_what_to_do() -> None:
    found = {(cell.place, cell.strategy, cell.privacy): judged(cell) for cell in cells()}
    assert {privacy for (_, _, privacy), word in found.items() if word == RUNS} == set(PRIVACY)
    sentences = set(found.values()) - {RUNS}
    mends = ("; use ", "; write ", "; put ", "; leave ")
    assert [text for text in sentences if not any(mend in text for mend in mends) or "\n" in text] == []
