"""The quick start's page can be typed by the script: blocks say where, comments say what to wait for."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from isofed.__main__ import main

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[2] / "docs" / "deployment.md"


def script() -> Any:
    """Load the script."""
    spec = importlib.util.spec_from_file_location("quick_start_script", HERE / "quick_start.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_commands_from_nothing_to_a_run() -> None:
    found = script().commands(PAGE.read_text())
    assert [command.words.split()[0] for command in found if not command.words.startswith("isofed")] == [
        "python3", "pip", "mkdir", ".", "kill",
    ]  # fmt: skip
    assert sum(command.words.startswith("isofed site up") for command in found) == 3
    assert [c.stays for c in found if c.words.startswith("isofed server up")] == [True]
    assert {c.says for c in found if c.words.startswith("isofed site up")} == {
        "cam1 is up:", "cam2 is up:", "evaluator is up:",
    }  # fmt: skip
    assert {c.code for c in found if "| isofed site join" in c.words} == {1}
    assert any(command.words.startswith("isofed run hub=hub") for command in found)


def test_its_commands_exist(capsys: Any) -> None:
    for command in script().commands(PAGE.read_text()):
        words = command.words.split()
        if words[0] == "isofed" and words[1] in ("site", "server"):
            try:
                assert main([words[1], words[2], "--help"]) == 0
            except SystemExit as left:
                assert left.code == 0
    assert "usage" in capsys.readouterr().out


def test_whoever_has_an_environment_does_not_install() -> None:
    module = script()
    words = [command.words for command in module.reusing(module.commands(PAGE.read_text()))]
    assert words[0] == ". .venv/bin/activate" and not any("pip install" in each for each in words)
