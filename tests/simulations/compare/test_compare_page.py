"""The page and the command: complete, closed to the network, safe with any name, honest about gaps."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from isofed.__main__ import main
from isofed.simulations.compare import compare

Made = Callable[..., Path]
HOSTILE = "</title><script>alert('x')</script>\"&\x00\u202e"


class Words(HTMLParser):
    """Collects the text that a reader sees, and what links point to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.links: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.links += [str(value) for name, value in attrs if name in ("href", "src")]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        if self.inside not in ("style", "script"):
            self.found.append(data)


def text_of(make: Made, *folders: Path) -> tuple[str, Words]:
    out = folders[0].parent
    compare(folders, out)
    text = (out / "compare.html").read_text()
    seen = Words()
    seen.feed(text)
    return text, seen


def words(seen: Words) -> str:
    return " ".join(" ".join(seen.found).split())


@pytest.fixture
def four(make: Made) -> list[Path]:
    other = {"name": "fedavg"}
    return [
        *(make(f"{seed}", 0.4 + 0.1 * seed, seed=seed) for seed in (0, 1)),
        *(make(f"{2 + seed}", 0.2 + 0.1 * seed, seed=seed, strategy=other) for seed in (0, 1)),
    ]


@pytest.mark.parametrize(
    "said",
    [
        *["2 settings side by side", "2 runs a setting", "strategy=dppt", "strategy=fedavg", "45.0 ± 7.1"],
        *["25.0 ± 7.1", "36.0 ± 5.7", "−20.0 ± 0.0", "3.0 s", "110 B", "4 runs", '"rounds": 2'],
    ],
)
def test_the_numbers_can_be_read(said: str, make: Made, four: list[Path]) -> None:
    assert said in words(text_of(make, *four)[1])


def test_every_setting_has_one_line_one_bar_and_one_shade(make: Made, four: list[Path]) -> None:
    text, _ = text_of(make, *four)
    charts = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg class=\"chart.*?</svg>", text, re.S)]
    bars, lines = [svg for svg in charts if svg.find(".//rect") is not None], charts[2:]
    assert len(bars) == 2 and len(lines) == 3
    assert all(len(svg.findall(".//rect")) == 2 for svg in bars)
    for svg in lines:
        assert len(svg.findall(".//polyline")) == len(svg.findall(".//polygon")) == 2
    # the same colour for a setting's bar and for its line
    kinds = [g.get("class", "").split()[-1] for g in bars[0].findall("g")]
    assert kinds == [g.get("class", "").split()[-1] for g in lines[0].findall("g")] == ["c0", "c1"]


def test_a_shade_reaches_one_deviation_up_and_down_and_not_below_zero(make: Made) -> None:
    text, _ = text_of(make, make("a", 0.0), make("b", 0.9, seed=1))
    chart = re.search(r"<svg class=\"chart lines.*?</svg>", text, re.S)
    assert chart is not None
    shade = ElementTree.fromstring(chart[0]).find(".//polygon")
    assert shade is not None
    heights = [float(point.split(",")[1]) for point in shade.get("points", "").split()]
    assert len(heights) == 6 and max(heights) == heights[0] == heights[-1] == 232


def test_one_run_has_no_spread_and_the_page_says_so(make: Made) -> None:
    _, seen = text_of(make, make("a"), make("b", strategy={"name": "fedavg"}))
    assert "A setting of one run has no spread over seeds" in words(seen)
    assert words(seen).count("±") == words(seen).count("±  show") + words(seen).count("mean ±") + 1


def test_other_tests_and_chosen_models_are_said(make: Made) -> None:
    best = {"evaluation": {"model": "best round on the test set (flag)"}}
    _, seen = text_of(make, make("a"), make("b", summary=best, task={"search": "indoor"}, data={"seed": 3}))
    assert "Of task.search=indoor, the model is: best round on the test set (flag)." in words(seen)
    assert "not measured on the same test: they differ in task.search" in words(seen)
    _, plain = text_of(make, make("c/a"), make("c/b", strategy={"name": "fedavg"}, seed=1))
    assert "same test" not in words(plain) and "the model is" not in words(plain)


def test_nothing_is_fetched_and_links_lead_to_reports(make: Made, four: list[Path]) -> None:
    text, seen = text_of(make, *four)
    assert "://" not in text and "@import" not in text and "url(" not in text and text.count("<script>") == 1
    reports = [link for link in seen.links if not link.startswith("#")]
    assert reports == [f"./{n}/report.html" for n in range(4)]
    assert all((four[0].parent / link).is_file() for link in reports)


def test_hostile_names_stay_text(make: Made) -> None:
    text, _ = text_of(
        make, make("a", strategy={"name": HOSTILE}), make("b", strategy={"name": "x", "y": HOSTILE})
    )
    assert text.count("<script>") == 1 and "\x00" not in text and "\u202e" not in text
    for svg in re.findall(r"<svg.*?</svg>", text, re.S):
        ElementTree.fromstring(svg)


def test_runs_without_numbers_still_have_a_page(make: Made) -> None:
    empty = {"metrics": None, "bytes": None, "seconds": None, "evaluation": None}
    folder = make("a", summary=empty)
    (folder / "result.json").write_text(json.dumps({"history": []}))
    assert "strategy=dppt" in words(text_of(make, folder)[1])


# --- the command


def test_the_command_prints_a_table_and_writes_beside_the_runs(
    make: Made, four: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (four[3] / "summary.json").unlink()
    assert main(["compare", str(four[0].parent)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["per", "cent", "runs", "R1", "mAP", "rounds", "sent"]
    assert " ".join(lines[2].split()) == "strategy=dppt 2 45.0 ± 7.1 36.0 ± 5.7 3.0 s 110 B"
    assert " ".join(lines[3].split()) == "strategy=fedavg 1 20.0 16.0 3.0 s 110 B"
    assert lines[4].startswith(f"left out: {four[3]} (unfinished")
    assert lines[-1] == f"comparison: {four[0].parent / 'compare.html'}"
    assert {"compare.html", "compare.json"} <= {path.name for path in four[0].parent.iterdir()}


def test_several_folders_are_compared_where_one_stands(
    make: Made, four: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["compare", *map(str, four)]) == 0
    assert (
        main(["compare", *map(str, four), "--out", "there"])
        == main(["compare", str(four[0]), "--out=o"])
        == 0
    )
    assert {path.name for path in Path().iterdir()} == {"compare.html", "compare.json", "there", "o"}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "name the folders to compare"),
        (["--ou", "x"], "unknown option '--ou'; did you mean '--out'?"),
        (["x", "--out"], "--out must be followed by a folder"),
        (["no such folder"], "'no such folder' is no folder"),
    ],
)
def test_mistakes_are_one_sentence(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *argv]) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1 and said in told.err


def test_the_command_needs_neither_torch_nor_hydra(four: list[Path]) -> None:
    code = (
        "import sys; from isofed.__main__ import main; main(['compare', sys.argv[1]]);"
        "print({'torch', 'hydra', 'flwr', 'tensorboard'} & {m.split('.')[0] for m in sys.modules})"
    )
    command = [sys.executable, "-c", code, str(four[0].parent)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "set()"
