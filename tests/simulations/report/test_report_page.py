"""The page as text: complete, closed to the network, safe with any name, honest about gaps."""

import copy
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import DataError
from isofed.simulations.report import Gallery, GalleryRow, Hit, write_report
from isofed.simulations.report.page import page

VOID = {"meta", "img", "br", "link"}
HOSTILE = "</title><script>alert('x')</script>\"&\x00\u202e"


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that every element is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def words(text: str) -> str:
    return " ".join(" ".join(read(text).words).replace("\u202f", " ").split())


def drawings(text: str) -> list[str]:
    return re.findall(r"<svg.*?</svg>", text, re.S)


def test_report_lies_in_the_folder(
    tmp_path: Path, summary: dict[str, Any], history: dict[str, Any], gallery: Gallery
) -> None:
    place = write_report(tmp_path / "new" / "run", summary, history, gallery)
    assert place == tmp_path / "new" / "run" / "report.html"
    assert place.read_text(encoding="utf-8") == page(summary, history, gallery)
    assert [path.name for path in place.parent.iterdir()] == ["report.html"]


def test_a_failed_write_leaves_the_old_report(
    tmp_path: Path, summary: dict[str, Any], history: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = write_report(tmp_path, summary, history, None)
    before = place.read_bytes()

    def fail(*paths: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_report(tmp_path, summary | {"seed": 7}, history, None)
    assert place.read_bytes() == before
    assert list(tmp_path.iterdir()) == [place]


def test_nothing_is_fetched(summary: dict[str, Any], history: dict[str, Any], gallery: Gallery) -> None:
    text = page(summary, history, gallery)
    assert "://" not in text and "@import" not in text and "url(" not in text
    for tag, attributes in read(text).tags:
        assert tag not in ("link", "iframe", "object", "base", "form")
        assert str(attributes.get("src", "data:")).startswith("data:image/png;base64,") or tag != "img"
        assert "src" not in attributes or tag == "img"
        assert str(attributes.get("href", "#")).startswith("#")
        assert not any(name.startswith("on") for name in attributes)


def test_policy_lets_only_the_own_script_run(summary: dict[str, Any], history: dict[str, Any]) -> None:
    text = page(summary, history, None)
    policy = next(a["content"] for t, a in read(text).tags if a.get("http-equiv"))
    assert "default-src 'none'" in str(policy) and re.search(r"script-src 'sha256-[\w+/]{43}='", str(policy))
    assert text.count("<script>") == 1


@pytest.mark.parametrize(
    "said",
    [
        "6 cameras trained one person re-identification model together for 20 rounds with dppt",
        *["41.5 %", "+17.5 points", "best camera alone (cam6): 24.0 %", "untrained model: 6.1 %"],
        *["34.6 ± 1.2", "5.1 ± 1.2", "196.4 MB", "1.3 GB", "2 min 27 s", "16.7", "1 536"],
        *["9.8 MB in 20 messages", "612", "14", "more than 1/2 of it", "numbers: examples, steps."],
        *["51.2 ± 1.1", "−3.1 ± 0.6", "isofed simulate task=reid 'data.folder=my data'", "9f2c" * 16],
        *["never chosen on the test set", '"mu": 0.0125', "benchmark sysu", "it does not protect"],
    ],
)
def test_the_summary_can_be_read(said: str, summary: dict[str, Any], history: dict[str, Any]) -> None:
    assert said in words(page(summary, history, None))


def test_hits_carry_marks_and_words(
    summary: dict[str, Any], history: dict[str, Any], gallery: Gallery
) -> None:
    text = page(summary, history, gallery)
    hits = [hit for row in gallery.rows for hit in row.hits]
    right = sum(hit.right for hit in hits)
    # one more of each mark stands in the key
    assert text.count('class="hit right"') == text.count("✓") - 1 == right == 11
    assert text.count('class="hit wrong"') == text.count("✗") - 1 == len(hits) - right
    alts = [str(a["alt"]) for tag, a in read(text).tags if tag == "img"]
    assert len(alts) == len(hits) + 2 and all(alts)
    assert sum(", right: " in alt for alt in alts) == right
    assert "3 of 10 hits right" in words(text)


def test_drawings_are_valid_and_named(summary: dict[str, Any], history: dict[str, Any]) -> None:
    found = [ElementTree.fromstring(svg) for svg in drawings(page(summary, history, None))]
    charts = [svg for svg in found if svg.get("role") == "img"]
    assert len(charts) == 7
    assert all(svg.find("title") is not None and svg.findtext("title") for svg in charts)
    assert all(svg.get("aria-hidden") == "true" for svg in found if svg not in charts)


def test_tables_have_scoped_heads_and_equal_rows(summary: dict[str, Any], history: dict[str, Any]) -> None:
    text = page(summary, history, None)
    assert all(a.get("scope") in ("col", "row") for tag, a in read(text).tags if tag == "th")
    for table in re.findall(r"<table.*?</table>", text, re.S):
        tree = ElementTree.fromstring(table)
        assert tree.findtext("caption/span")
        assert len({len(row) for row in tree.iter("tr")}) == 1


def test_hostile_names_stay_text(summary: dict[str, Any], history: dict[str, Any]) -> None:
    metrics, spread = summary["metrics"], summary["spread"]
    metrics["alone"][HOSTILE], spread["alone"][HOSTILE] = metrics["alone"]["cam1"], spread["alone"]["cam1"]
    for part in ("sites", "bytes", "left"):
        summary[part][HOSTILE] = summary[part]["cam1"]
    summary |= {"strategy": HOSTILE, "protocol": HOSTILE, "weights_sha256": HOSTILE, "task": HOSTILE}
    summary["config"] = {"overrides": [HOSTILE], HOSTILE: HOSTILE}
    summary["contract"]["leaves"] = [HOSTILE]
    history["rounds"][1]["loss"][HOSTILE] = 1.0
    pixels = np.zeros((8, 4, 3), dtype=np.uint8)
    row = GalleryRow(pixels, HOSTILE, (Hit(pixels, True, HOSTILE),))
    text = page(summary, history, Gallery((row,)))
    assert text.count("<script>") == 1 and "alert('x')" not in text
    assert "\x00" not in text and "\u202e" not in text
    assert "</title><script>alert('x')</script>\"&" in "".join(read(text).words)
    for svg in drawings(text):
        ElementTree.fromstring(svg)


OPTIONAL = (
    *("task", "protocol", "strategy", "engine", "seed", "rounds", "simulated_secrets", "version", "metrics"),
    *("spread", "draws", "seconds", "peak_rss_bytes", "bytes", "weights_sha256", "sites", "contract", "left"),
    *("evaluation", "controls", "config"),
)


@pytest.mark.parametrize("absent", OPTIONAL)
@pytest.mark.parametrize("null", [False, True])
def test_any_part_may_be_missing(
    absent: str, null: bool, summary: dict[str, Any], history: dict[str, Any]
) -> None:
    if null:
        summary[absent] = None
    else:
        del summary[absent]
    text = page(summary, history, None)
    assert "None" not in words(text) and "nan" not in words(text)


@given(st.data())
def test_inner_parts_may_be_missing(data: st.DataObject) -> None:
    """Cut any one inner key, or make it null, in a run of two sites."""
    whole = {
        "metrics": {"untrained": {"mAP": 0.1}, "alone": {"a": {"mAP": 0.2}}, "federated": {"mAP": 0.3}},
        "spread": {"alone": {"a": {"mAP": 0.01}}},
        "draws": {"alone": {"a": {"mAP": [0.19, 0.21]}}, "federated": {"mAP": [0.3, 0.3, 0.3]}},
        "seconds": {"setup": 1.0, "rounds": [1.0, 2.0], "total": 3.0},
        "sites": {"a": {"images": 3, "weight": 0.5}, "b": {"images": 3}},
        "bytes": {"a": {"down": 1, "up": 2}},
        "contract": {"level": "camera", "leaves": ["x"], "never": ["y"], "min_images": 2},
        "left": {"a": {"model": {"bytes": 1, "messages": 1}, "scalars": ["n"]}, "b": {"scalars": []}},
        "controls": {"rows": [{"name": "pooled", "mAP": {"mean": 0.5}}], "pairs": []},
        "config": {"overrides": ["seed=1"]},
        "history": {"rounds": [{"round": 1, "loss": {"a": 1.0}, "metrics": {"mAP": 0.2}}, {"round": 2}]},
    }
    spot: Any = whole
    key = data.draw(st.sampled_from(sorted(spot)))
    while isinstance(spot[key], dict) and spot[key] and data.draw(st.booleans()):
        spot = spot[key]
        key = data.draw(st.sampled_from(sorted(spot)))
    if data.draw(st.booleans()):
        spot[key] = None
    else:
        del spot[key]
    history = whole.pop("history", None) or {}
    assert "None" not in words(page(whole, history, None))


def test_an_empty_run_still_has_a_page() -> None:
    text = page({}, {}, Gallery(()))
    assert "Federated training" in words(text)
    for claim in ("simulate ", "never chosen", "best", "together", "protect", "Retrieval", "±"):
        assert claim not in words(text)


def test_nothing_is_said_that_the_summary_does_not_say(
    summary: dict[str, Any], history: dict[str, Any]
) -> None:
    summary["evaluation"]["model"] = "best round"
    summary["simulated_secrets"] = False
    del summary["metrics"]["alone"], summary["spread"], summary["draws"]["alone"]
    seen = words(page(summary, history, None))
    assert "Model: best round." in seen and "never chosen" not in seen
    assert "it does not protect" not in seen
    assert "alone" not in seen and "standard deviation" not in seen
    assert "selected on the test set" not in seen and "declared" not in seen and "Refused" not in seen


def test_a_loss_is_shown_as_one(summary: dict[str, Any], history: dict[str, Any]) -> None:
    summary["metrics"]["federated"]["mAP"] = 0.2
    assert "−4.0 points" in words(page(summary, history, None))


def test_values_that_are_not_finite_are_counted(summary: dict[str, Any], history: dict[str, Any]) -> None:
    history["rounds"][3]["loss"]["cam1"] = float("nan")
    history["rounds"][4]["loss"]["cam1"] = float("inf")
    assert "not finite and so are not drawn: 2." in words(page(summary, history, None))


def test_per_cent_in_place_of_fractions_is_refused(summary: dict[str, Any], history: dict[str, Any]) -> None:
    summary["metrics"]["federated"]["mAP"] = 43.2
    with pytest.raises(DataError, match=r"mAP is 43\.2.*from 0 to 1"):
        page(summary, history, None)


@pytest.mark.parametrize("shape", [(8, 4, 4), (8,), (0, 4, 3), (1, 8, 4, 3)])
def test_pictures_of_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    picture = np.zeros(shape, dtype=np.uint8)
    with pytest.raises(DataError, match="expected uint8"):
        page({}, {}, Gallery((GalleryRow(picture, "", ()),)))


def test_pictures_of_floats_are_refused() -> None:
    picture: Any = np.zeros((8, 4, 3), dtype=np.float32)
    with pytest.raises(DataError, match="float32"):
        page({}, {}, Gallery((GalleryRow(picture, "", ()),)))


def test_the_inputs_are_left_alone(summary: dict[str, Any], history: dict[str, Any]) -> None:
    before = copy.deepcopy((summary, history))
    page(summary, history, None)
    assert (summary, history) == before


def test_every_draw_is_a_dot(summary: dict[str, Any], history: dict[str, Any]) -> None:
    text = page(summary, history, None)
    charts = [svg for svg in drawings(text) if "<circle" in svg]
    assert [ElementTree.fromstring(svg).findtext("title", "").split(" in ")[0] for svg in charts] == [
        "mAP",
        "R1",
    ]
    for svg in charts:
        strips = ElementTree.fromstring(svg).findall("g")
        # untrained, six cameras, federated; ten draws each
        assert [len(strip.findall("circle")) for strip in strips] == [10] * 8
        for strip in strips:
            box, mean = strip.find("rect"), strip.find("line")
            assert box is not None and mean is not None
            low, wide, at = (float(x) for x in (box.get("x", ""), box.get("width", ""), mean.get("x1", "")))
            inside = [
                low - 0.1 <= float(dot.get("cx", "")) <= low + wide + 0.1 for dot in strip.findall("circle")
            ]
            assert sum(inside) == 4 and abs(low + wide / 2 - at) < 0.2
    assert "39.2 – 43.9" not in words(text) and "40.2 – 42.9" in words(text)


def test_one_draw_is_no_spread(summary: dict[str, Any], history: dict[str, Any]) -> None:
    for kind in ("untrained", "federated"):
        summary["draws"][kind] = {name: values[:1] for name, values in summary["draws"][kind].items()}
    summary["draws"]["alone"] = {}
    assert "Gallery draws" not in words(page(summary, history, None))


def test_selection_on_the_test_set_is_said_at_the_top_and_with_the_evaluation(
    summary: dict[str, Any], history: dict[str, Any]
) -> None:
    summary["evaluation"]["model"] = "best round on the test set (flag select_on_test=true)"
    seen = words(page(summary, history, None))
    top, _, rest = seen.partition("Learning curves")
    assert "This model was selected on the test set: best round on the test set (flag select" in top
    assert "Model: best round on the test set (flag select_on_test=true). This model was selected" in rest
    assert "never chosen" not in seen


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"centres": "plain"}, "By the option centres=plain, identity centres may leave, as plain means"),
        ({"centres": "with_rows"}, "without noise, and these identities' rows of the head."),
        ({"centres": "none"}, "By the option centres=none, identity centres stay at their site."),
        ({"declared": ["entity", "entity"]}, "The owners of the data declared “entity”: they may be used"),
    ],
)
def test_options_of_the_contract_are_said(
    changes: dict[str, Any], said: str, summary: dict[str, Any], history: dict[str, Any]
) -> None:
    assert said not in words(page(summary, history, None))
    summary["contract"] |= changes
    assert said in words(page(summary, history, None))


def test_what_an_option_leaves_as_it_is_is_not_said(summary: dict[str, Any], history: dict[str, Any]) -> None:
    summary["contract"] |= {"centres": "level", "declared": []}
    seen = words(page(summary, history, None))
    assert "centres=" not in seen and "declared" not in seen


def test_refused_reports_are_counted(summary: dict[str, Any], history: dict[str, Any]) -> None:
    for n in range(8):
        history["rounds"][n]["refused"] = {"cam2": "loss is not finite"}
    history["rounds"][8]["refused"] = {"cam3": HOSTILE}
    seen = words(page(summary, history, None))
    assert "cam2 loss is not finite 8 1, 2, 3, 4, 5, 6 and 2 more" in seen


def test_rounds_that_were_not_measured_are_told(summary: dict[str, Any], history: dict[str, Any]) -> None:
    assert "not measured" not in words(page(summary, history, None)).lower()
    history["rounds"][4] |= {"metrics": None, "unmeasured": f"not heard of for 61 s {HOSTILE}"}
    text = page(summary, history, None)
    assert "Rounds that were not measured" in words(text) and "5 not heard of for 61 s" in words(text)
    assert HOSTILE not in text


def test_further_facts_of_sites_are_columns(summary: dict[str, Any], history: dict[str, Any]) -> None:
    summary["sites"]["cam1"]["cameras_held"] = "1, 2 and 5"
    seen = words(page(summary, history, None))
    assert "cameras held" in seen and "cam1 1, 2 and 5 visible gate" in seen
