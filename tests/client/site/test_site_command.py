import io
import json
from pathlib import Path

import pytest

from isofed.__main__ import main as isofed
from isofed.client.site.command import COMMANDS, TEACH, main
from isofed.client.site.diary import Asking, Diary
from isofed.client.site.folder import SiteFolder
from isofed.client.site.policy import read_policy
from isofed.client.site.settings import Settings, read_settings
from isofed.errors import ConfigError
from tests.client.site.site_case import camera_tree, whole_tree


def init(folder: Path, root: Path, *more: str) -> list[str]:
    words = ["--name", "cam1", "--task", "reid", "--layout", "sysu", "--root", str(root)]
    return ["init", str(folder), *words, *more]


def test_help_teaches_the_order_of_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert isofed(["site", "--help"]) == 0
    told = capsys.readouterr().out
    assert told.strip() == TEACH.strip()
    order = [told.rindex(f"isofed site {name} site") for name in ("init", "doctor", "join", "up")]
    assert order == sorted(order) and all(f"\n  {name} DIR" in told for name in COMMANDS)


def test_init_makes_a_folder_that_others_cannot_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = SiteFolder(tmp_path / "site")
    assert main(init(site.root, tmp_path, "--threads", "2", "--entity", "north gate")) == 0
    assert read_settings(site.settings) == Settings(
        "cam1", "reid", "sysu", str(tmp_path), threads=2, entity="north gate"
    )
    assert read_policy(site.policy).tasks == ("reid",)
    assert {path.stat().st_mode & 0o777 for path in (site.root, site.home, site.logs)} == {0o700}
    assert (site.home / "secret").stat().st_mode & 0o777 == 0o600
    assert f"isofed site doctor {site.root}\n" in capsys.readouterr().out
    assert main(init(tmp_path / "my site", tmp_path)) == 0
    assert f"isofed site doctor '{tmp_path}/my site'\n" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="a site's folder already"):
        main(init(site.root, tmp_path))


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["init"], "the following arguments are required: dir"),
        (["init", "site", "--name", "cam1"], "--task"),
        (["inti"], "did you mean 'init'"),
        (["up"], "required: dir; see isofed site up --help"),
        (["join", "nowhere"], "isofed site init"),
        (["doctor", "a", "b"], "unrecognized arguments: b; see isofed site doctor --help"),
        (["join", "a", "--annew"], "unrecognized arguments: --annew; did you mean '--anew'"),
        (["join", "a", "--wai", "3"], "unrecognized arguments: --wai 3; did you mean '--wait'"),
    ],
)
def test_what_is_wrong_is_one_sentence(words: list[str], found: str) -> None:
    with pytest.raises(ConfigError, match=found):
        main(words)


def test_names_that_nobody_knows_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    site = tmp_path / "site"
    with pytest.raises(ConfigError, match="did you mean 'sysu'"):
        main([*init(site, tmp_path)[:6], "--layout", "syus", "--root", str(tmp_path)])
    with pytest.raises(ConfigError, match="did you mean 'camera'"):
        main(init(site, tmp_path, "--level", "camrea"))
    assert not site.exists()


def test_the_doctor_says_by_its_exit_whether_something_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = camera_tree(whole_tree(tmp_path / "whole"), tmp_path / "own")
    main(init(tmp_path / "good", own))
    main(init(tmp_path / "bad", tmp_path / "nowhere"))
    capsys.readouterr()
    assert main(["doctor", str(tmp_path / "good")]) == 0
    assert "ok    data: sysu" in capsys.readouterr().out
    assert main(["doctor", str(tmp_path / "bad")]) == 1
    assert "FAIL  data" in capsys.readouterr().out


def test_data_that_cannot_be_opened_do_not_use_the_token_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(init(tmp_path / "site", tmp_path / "nowhere"))
    monkeypatch.setattr("sys.stdin", io.StringIO("isofed-token\n"))
    assert isofed(["site", "join", str(tmp_path / "site")]) == 2
    assert not SiteFolder(tmp_path / "site").authority.exists()


def test_status_tells_what_was_answered_and_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = SiteFolder(tmp_path / "site")
    main(init(site.root, tmp_path))
    capsys.readouterr()
    assert main(["status", str(site.root)]) == 0
    assert "no answers\nno refusals" in capsys.readouterr().out
    diary = Diary(site)
    for round in range(1, 8):
        diary.answered(Asking("tiny", round, 1), "train", 800, 0.5)
    diary.refused(Asking("tiny", 9, 1), "train", "the run asks for hours")
    main(["status", str(site.root)])
    told = capsys.readouterr().out
    assert told.startswith("cam1: down, reid, camera")
    assert "tiny 7 1 train 800 0.5" in told and "tiny 2 1" not in told
    assert "the run asks for hours" in told
    assert json.loads((site.logs / "refusals.jsonl").read_text())["round"] == 9


def test_service_writes_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(init(tmp_path / "site", tmp_path))
    assert main(["service", str(tmp_path / "site"), "--user", "isofed"]) == 0
    assert "User=isofed" in (tmp_path / "site" / "service" / "isofed-cam1.service").read_text()
    assert "docker compose up" in capsys.readouterr().out
