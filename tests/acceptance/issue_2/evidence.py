"""What two runs must share if they are the same run, times of day and durations left out."""

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from small import SITES
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from isofed.files import load_state
from isofed.server.history import NAME, Journal
from isofed.trees import Tree

SUMMARY_KEYS = ("weights_sha256", "metrics", "spread", "bytes", "sites", "left", "seed", "rounds")


def evidence(run: Path, alone: tuple[str, ...] = SITES) -> dict[str, Any]:
    """Return everything comparable about a finished run, by name, and of the sites ``alone`` in it."""
    summary = json.loads((run / "summary.json").read_text())
    found = {f"summary.json {key}": summary[key] for key in SUMMARY_KEYS}
    for place in [run, *(run / "alone" / site for site in alone)]:
        name = place.relative_to(run).as_posix()
        found[f"{name}/result.json"] = _timeless(json.loads((place / "result.json").read_text()))
        found[f"{name} checkpoints"] = {p.name: _state(p) for p in (place / "checkpoints").glob("*.ckpt")}
        memories = sorted(place.glob("sites/*/memory/*"))
        found[f"{name} memories"] = {p.relative_to(place).as_posix(): _state(p) for p in memories}
    found["data"] = {
        p.relative_to(run).as_posix(): _sha(p) for p in (run / "data").rglob("*.*") if p.is_file()
    }
    found["TensorBoard"] = {p.relative_to(run).as_posix(): steps(p) for p in _curves(run)}
    return found


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the names under which two runs differ."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def rubbish(run: Path) -> list[str]:
    """Return what no finished run may hold: files that were to be renamed."""
    return sorted(path.relative_to(run).as_posix() for path in run.rglob("*.partial"))


def steps(folder: Path) -> list[int]:
    """Return the rounds that TensorBoard shows of one curve, in its order, each as often as it shows it."""
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # it tells of every purge
    events = EventAccumulator(str(folder), purge_orphaned_data=True)
    events.Reload()
    return [event.step for event in events.Scalars("time/round")]


def _curves(run: Path) -> list[Path]:
    # the run of final values has no rounds
    return sorted({path.parent for path in (run / "tb").rglob("events.*")} - {run / "tb" / "final"})


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _state(path: Path) -> Any:
    meta, arrays = load_state(path, path.name)
    if "before" in meta:  # the rounds before, times of day and all, stand in a file beside
        meta["history"] = [
            *Journal(path.with_name(NAME)).read(meta.pop("before"), path.name),
            *meta["history"],
        ]
    # a run's name follows from where its folder lies
    meta = {key: value for key, value in meta.items() if key != "run"}
    return [_timeless(meta), {name: _bytes(value) for name, value in sorted(arrays.items())}]


def _bytes(value: Tree | np.ndarray) -> str:
    arrays = list(value.buffers.values()) if isinstance(value, Tree) else [value]
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def _timeless(value: Any) -> Any:
    """Drop durations from nested values."""
    if isinstance(value, dict):
        return {key: _timeless(inner) for key, inner in value.items() if key != "seconds"}
    return [_timeless(inner) for inner in value] if isinstance(value, list) else value
