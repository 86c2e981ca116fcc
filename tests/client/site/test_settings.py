from pathlib import Path

import pytest

from isofed.client.site.settings import Settings, read_settings, write_settings
from isofed.errors import ConfigError

GIVEN = Settings("cam1", "reid", "sysu", "/data/SYSU-MM01", entity='the "north" gate', threads=2)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_settings(tmp_path / "site.toml", GIVEN)
    assert read_settings(tmp_path / "site.toml") == GIVEN


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('nmae = "cam1"', "site.toml line 2: unknown key 'nmae'; did you mean 'name'?"),
        (
            'name = "cam1"\ntask = 3\nlayout = "sysu"\nroot = "/d"',
            "site.toml line 3: 'task' is 3, but must be a text",
        ),
        ('name = "cam1"\ntask =', "site.toml is no TOML: .*line 3"),
        ('name = "cam1"\ntask = "reid"\nlayout = "sysu"', "site.toml: 'root' is missing"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "site.toml").write_text(f"# name and task\n{text}\n")
    with pytest.raises(ConfigError, match=found):
        read_settings(tmp_path / "site.toml")


def test_a_missing_file_is_told_without_where_it_would_lie(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="isofed site init") as error:
        read_settings(tmp_path / "site.toml")
    assert str(tmp_path) not in str(error.value)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"name": "../cam1"}, "'name' is '../cam1', but must be letters"),
        ({"name": "c" * 41}, "at most 40"),
        ({"root": "data"}, "'root' is 'data', but must be an absolute path"),
        ({"weights": "w.pt"}, "'weights' is 'w.pt', but must be an absolute path"),
        ({"level": "camrea"}, "did you mean 'camera'"),
        ({"role": "trainr"}, "did you mean 'trainer'"),
        ({"centres": "plane"}, "did you mean 'plain'"),
        ({"min_images": 0}, "'min_images' is 0"),
        ({"device": "gpu"}, "cuda:N"),
        ({"threads": 0}, "'threads' is 0"),
        ({"gateway_port": 0}, "'gateway_port' is 0"),
        ({"supernode_port": 9451}, "give two different ones"),
        ({"entity": "two\nlines"}, "one line"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, object], found: str) -> None:
    with pytest.raises(ConfigError, match=found):
        Settings(**{"name": "cam1", "task": "reid", "layout": "sysu", "root": "/d", **change})  # type: ignore[arg-type]
