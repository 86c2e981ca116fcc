"""A run's folder before and after: whose it is, what a killed process left, whether all is done."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isofed.errors import CheckpointError
from isofed.files import write_json
from isofed.simulations.engine import DEPLOYED

CONFIG, SUMMARY, REPORT = "config.json", "summary.json", "report.html"


def load_config(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Return a run's configuration and the overrides it was started with.

    Raises:
        CheckpointError: the folder holds no run, or its configuration is damaged.
    """
    try:
        cfg = json.loads((folder / CONFIG).read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(
            f"'{folder}' holds no {CONFIG}, so there is nothing to resume; give the folder of a run"
        ) from None
    except ValueError:
        cfg = None
    if not isinstance(cfg, dict):
        raise CheckpointError(f"{CONFIG} in '{folder}' is damaged; restore it, or start anew in a new folder")
    if isinstance(engine := cfg.get("engine"), dict) and engine.get("name") != DEPLOYED:
        engine.setdefault("traced", False)  # which runs of before had not
    return cfg, cfg.pop("overrides", [])


def deployed(cfg: Mapping[str, Any]) -> bool:
    """Return whether a run's sites are on machines of their own."""
    engine = cfg.get("engine")
    return isinstance(engine, Mapping) and engine.get("name") == DEPLOYED


def again(folder: Path, cfg: Mapping[str, Any]) -> str:
    """Return the command that continues a run."""
    return continuing(folder, "run" if deployed(cfg) else "simulate")


def continuing(folder: Path, command: str) -> str:
    """Return how ``command`` continues a run, as it is written in a shell."""
    return shlex.join(["isofed", command, "--resume", str(folder)])


def claim(folder: Path, cfg: Mapping[str, Any], overrides: list[str]) -> None:
    """Write the configuration of a new run, or see that the run found is the same.

    Raises:
        CheckpointError: the folder holds a run of another configuration.
    """
    if not (folder / CONFIG).exists():
        write_json(folder / CONFIG, {**cfg, "overrides": overrides})
        return
    found, _ = load_config(folder)
    # what is said of a run meanwhile is no part of it
    changed = sorted(key for key in {*found, *cfg} - {"progress"} if found.get(key) != cfg.get(key))
    if changed:
        raise CheckpointError(
            f"'{folder}' holds a run of another configuration (other {', '.join(changed)}); continue it with "
            f"{again(folder, found)}, or name another folder with hydra.run.dir=DIR"
        )


def settle(folder: Path, **groups: Any) -> None:
    """Write groups of the configuration, of which something was chosen after the run was begun."""
    found, overrides = load_config(folder)
    write_json(folder / CONFIG, {**found, **groups, "overrides": overrides})


def sweep(folder: Path) -> None:
    """Remove what killed processes left half written; nobody else writes while we hold the lock."""
    for path in folder.rglob("*.partial"):
        if path.is_file():
            path.unlink(missing_ok=True)


def finished(folder: Path) -> dict[str, Any] | None:
    """Return the summary of a run that has come to its end, or None."""
    try:
        summary: dict[str, Any] = json.loads((folder / SUMMARY).read_text())
    except (OSError, ValueError):
        return None
    return summary if (folder / REPORT).exists() else None
