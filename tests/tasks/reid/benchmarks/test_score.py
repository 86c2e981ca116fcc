"""The command: one JSON object, or one sentence."""

import json

import numpy as np
import pytest

from isofed.errors import ConfigError, DataError
from isofed.tasks.reid.benchmarks import score
from isofed.tasks.reid.benchmarks.benchmark import evaluate_sysu, summarise
from isofed.tasks.reid.benchmarks.score import main

GENERATOR = np.random.default_rng(0)
PEOPLE, CAMERAS = np.array([1, 2, 4, 9]), np.array([1, 2, 4, 5])


def arrays():
    query = np.repeat(PEOPLE, 6)
    gallery = np.repeat(PEOPLE, 4 * 11)
    return {
        "query_features": GENERATOR.normal(size=(len(query), 8)).astype(np.float32),
        "query_ids": query,
        "query_cams": np.tile([3, 6], len(query) // 2),
        "gallery_features": GENERATOR.normal(size=(len(gallery), 8)).astype(np.float32),
        "gallery_ids": gallery,
        "gallery_cams": np.tile(np.repeat(CAMERAS, 11), len(PEOPLE)),
    }


@pytest.fixture
def file(tmp_path):
    np.savez(tmp_path / "test.npz", **arrays())
    return tmp_path / "test.npz"


def printed(capsys, *argv):
    assert main([str(word) for word in argv]) == 0
    return json.loads(capsys.readouterr().out)


METRICS = ("R1", "R5", "R10", "R20", "mAP", "mINP")
SETTINGS = [
    ([], {"search": "all", "shots": 1, "draws": "agw", "repetitions": 10, "gallery": 16}),
    (["--shots", "10"], {"shots": 10, "gallery": 160}),
    (["--search", "indoor", "--metric", "euclidean"], {"gallery": 8, "metric": "euclidean"}),
    (["--draws", "none"], {"repetitions": 1, "gallery": 176, "shots": None}),
]


@pytest.mark.parametrize(("options", "expected"), SETTINGS)
def test_prints_the_numbers_of_the_library(file, capsys, options, expected):
    found = printed(capsys, file, "--rule", "sysu", *options)
    assert found | expected == found
    assert (found["rule"], found["queries"], found["left_out"]) == ("sysu", 24, 0)
    named = {key.removeprefix("--"): value for key, value in zip(options[::2], options[1::2], strict=True)}
    if "shots" in named:
        named["shots"] = int(named["shots"])
    with np.load(file) as data:
        library = summarise(evaluate_sysu(*(data[name] for name in data.files), **named))
    assert {name: found[name] for name in METRICS} == library


def test_other_rules_score_too(file, capsys):
    for rule in ("regdb", "hitsz_vcm", "buptcampus"):
        found = printed(capsys, file, "--rule", rule)
        assert (found["draws"], found["gallery"], found["repetitions"]) == ("none", 176, 1)
    llcm = printed(capsys, file, "--rule=llcm")
    assert (llcm["draws"], llcm["gallery"]) == ("agw", 16)
    assert llcm["R1"]["spread"] > 0


def unpacked(folder, **changes):
    folder.mkdir()
    for name, values in (arrays() | changes).items():
        np.save(folder / f"{name}.npy", values)
    return folder


def test_a_folder_is_mapped_and_gives_the_same(tmp_path, capsys, monkeypatch):
    data, opened = arrays(), []
    np.savez(tmp_path / "t.npz", **data)
    folder = unpacked(tmp_path / "t", **data)
    taken = score.embeddings

    def watched(side, features, ids, cams):
        opened.append(type(features))
        return taken(side, features, ids, cams)

    expected = printed(capsys, tmp_path / "t.npz", "--rule", "sysu")
    monkeypatch.setattr(score, "embeddings", watched)
    assert printed(capsys, folder, "--rule", "sysu") == expected
    assert opened == [np.memmap, np.memmap]


def test_folders_that_lack_something_are_refused(tmp_path):
    folder = unpacked(tmp_path / "t")
    (folder / "gallery_cams.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match="cannot be read"):
        main([str(folder), "--rule", "sysu"])
    (folder / "gallery_cams.npy").unlink()
    with pytest.raises(DataError, match=r"lacks gallery_cams\.npy;"):
        main([str(folder), "--rule", "sysu"])


def test_unanswerable_queries_are_counted_apart(tmp_path, capsys):
    data = arrays()
    data["query_ids"][:5] = 77
    np.savez(tmp_path / "t.npz", **data)
    found = printed(capsys, tmp_path / "t.npz", "--rule", "sysu")
    assert (found["queries"], found["left_out"]) == (19, 5)


def test_help_teaches(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    text = capsys.readouterr().out
    assert stopped.value.code == 0
    assert all(name in text for name in arrays())
    assert "isofed score reid test.npz --rule sysu" in text


ARGUMENTS = [
    ([], "write the file"),
    (["FILE"], "--rule sysu"),
    (["FILE", "--rule", "sisu"], "did you mean 'sysu'"),
    (["FILE", "--rool", "sysu"], "did you mean '--rule'"),
    (["FILE", "--rul=sysu"], "did you mean '--rule'"),
    (["FILE", "--rule", "sysu", "more"], "unknown argument 'more'"),
    (["FILE", "--rule"], "expected one argument"),
    (["FILE", "--rule", "sysu", "--shots", "ten"], "whole number, found 'ten'"),
    (["FILE", "--rule", "sysu", "--shots", "3"], "1 or 10"),
    (["FILE", "--rule", "sysu", "--draws", "official"], "--permutations"),
]


@pytest.mark.parametrize(("argv", "sentence"), ARGUMENTS)
def test_wrong_arguments_get_one_sentence(file, capsys, argv, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        main([str(file) if word == "FILE" else word for word in argv])
    assert "\n" not in str(caught.value)
    assert capsys.readouterr() == ("", "")


def save(path, **changes):
    data = {name: value for name, value in (arrays() | changes).items() if value is not None}
    np.savez(path, **data)


FILES = [
    ({"gallery_cams": None}, "lacks gallery_cams"),
    ({"query_ids": np.ones(3, int)}, "query_ids must be 24 integers"),
    ({"query_features": np.full((24, 8), np.nan)}, "query_features hold NaN"),
    ({"query_ids": np.full(24, 77)}, "no query has a correct gallery image"),
    ({"query_cams": np.full(24, 4)}, "query_cams hold 4"),
    ({"query_ids": np.array([object()] * 24)}, "cannot be read"),
]


@pytest.mark.parametrize(("changes", "sentence"), FILES)
def test_wrong_files_get_one_sentence(tmp_path, changes, sentence):
    save(tmp_path / "t.npz", **changes)
    with pytest.raises(DataError, match=sentence):
        main([str(tmp_path / "t.npz"), "--rule", "sysu"])


def test_files_that_are_no_archives_are_refused(tmp_path):
    for name, content, sentence in (
        ("none", None, "no file"),
        ("text", b"hello", "no .npz"),
        ("cut", b"", "no .npz"),
    ):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=sentence):
            main([str(tmp_path / name), "--rule", "sysu"])


def test_official_draws_refuse_a_file_that_is_missing(file, tmp_path):
    argv = [str(file), "--rule", "sysu", "--draws", "official", "--permutations", str(tmp_path / "p.mat")]
    with pytest.raises(DataError, match="permutation file does not exist"):
        main(argv)
