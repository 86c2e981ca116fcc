"""All levels on all layouts: every cell runs on synthetic trees, or is refused in one sentence.

Each cell is `isofed simulate` as a person would start it, tiny. Under `camera`, `camera_strict` and
`sharing` a layout trains and tests on itself; under `entity` it is also the unseen test set of a group,
as in the paper. Further cells: centre matching, what is refused, and `sharing` of data that were declared
for a stricter level, by the configuration and by a file beside the data.

    python tests/acceptance/issue_3/levels.py [--only WORD]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PICTURES = ("data.make.images=4", "data.make.identities=24", "data.make.test_identities=4")
FILMS = ("data.make.frames=12", "data.make.identities=16", "data.make.test_identities=4")
SIZE = ("data.make.height=32", "data.make.width=16", "task.height=32", "task.width=16")
NET = ("task.stem=4", "task.stage2=4", "task.stage3=8", "task.dimensions=8")
BATCHES = ("task.batch_identities=4", "task.batch_images=2")
RUN = ("rounds=2", "evaluate_every=1", "alone=false", "tensorboard=false", "progress=false")
LAYOUTS = {"sysu": PICTURES, "regdb": PICTURES, "llcm": PICTURES, "hitsz_vcm": FILMS, "buptcampus": FILMS}
GROUPS = {
    "regdb_llcm_to_sysu": PICTURES,
    "llcm_sysu_to_regdb": PICTURES,
    "regdb_sysu_to_llcm": PICTURES,
    "hitsz_vcm_to_buptcampus": FILMS,
    "buptcampus_to_hitsz_vcm": FILMS,
}
CLIENTS = {"sysu": 6, "regdb": 2, "llcm": 9, "hitsz_vcm": 6, "buptcampus": 6}
SOURCES = {"regdb_llcm_to_sysu": 2, "llcm_sysu_to_regdb": 2, "regdb_sysu_to_llcm": 2}


@dataclass(frozen=True)
class Cell:
    """One run: its words, the clients it must have, or how the sentence that refuses it must read."""

    name: str
    words: tuple[str, ...]
    clients: int = 0
    refused: str = ""


def cells(folder: Path) -> list[Cell]:
    """Return every cell of the table."""
    found = []
    for data, make in LAYOUTS.items():
        for level in ("camera", "camera_strict", "entity", "sharing"):
            strategy = "fedavg" if level in ("camera_strict", "sharing") else "dppt"
            clients = CLIENTS[data] if level.startswith("camera") else 1
            words = (f"data={data}", *make, f"protocol={level}", f"strategy={strategy}")
            found.append(Cell(f"{data}, {level}, {strategy}", words, clients))
        strict = (f"data={data}", *make, "protocol=camera_strict", "protocol.centres=plain", "strategy=cgpr")
        found.append(Cell(f"{data}, camera_strict with centres, cgpr", strict, CLIENTS[data]))
    for data, make in GROUPS.items():
        for level in ("entity", "sharing"):
            words = (f"data={data}", *make, f"protocol={level}", "strategy=fedavg")
            found.append(Cell(f"{data}, {level}", words, SOURCES.get(data, 1) if level == "entity" else 1))
        words = (f"data={data}", *make, "protocol=camera", "strategy=fedavg")
        found.append(Cell(f"{data}, camera", words, refused="has no clients under protocol 'camera'"))
    return found + refusals(folder)


def refusals(folder: Path) -> list[Cell]:
    """Return the cells of what must not start."""
    small = ("data=sysu", *PICTURES, "strategy=fedavg")
    weaker = "which is weaker"
    made = (*small, f"data.root={folder}")
    return [
        Cell(
            "sharing of data declared for camera",
            (*small, "protocol=sharing", "data.declared=camera"),
            0,
            weaker,
        ),
        Cell(
            "entity of data declared for camera",
            (*small, "protocol=entity", "data.declared=camera"),
            0,
            weaker,
        ),
        Cell("camera of data declared for camera_strict", (*small, "data.declared=camera_strict"), 0, weaker),
        Cell("sharing of a folder declared for camera", (*made, "protocol=sharing"), 0, weaker),
        Cell("camera of a folder declared for camera", made, 6),
        Cell(
            "dppt under camera_strict",
            (*small[:-1], "protocol=camera_strict"),
            0,
            "numbers people for itself",
        ),
        Cell(
            "cgpr without the weaker contract",
            (*small[:-1], "protocol=camera_strict", "strategy=cgpr"),
            0,
            "keeps identity centres at the site",
        ),
    ]


def isofed(*words: str) -> subprocess.CompletedProcess[str]:
    """Run one command and return what it said."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "isofed", *words], capture_output=True, text=True, env=environment
    )


def judge(cell: Cell, folder: Path) -> str:
    """Run a cell; return what is wrong with it, or nothing."""
    ended = isofed("simulate", *SIZE, *NET, *BATCHES, *RUN, *cell.words, f"hydra.run.dir={folder}")
    said = ended.stderr.strip()
    if cell.refused:
        one = ended.returncode == 2 and said.count("\n") == 0 and cell.refused in said
        return (
            "" if one and not folder.exists() else f"not refused as it should be: {ended.returncode}, {said}"
        )
    if ended.returncode:
        return f"exit code {ended.returncode}: {said}"
    summary = json.loads((folder / "summary.json").read_text())
    if len(summary["sites"]) != cell.clients:
        return f"{len(summary['sites'])} clients instead of {cell.clients}"
    measured = summary["metrics"]["federated"]
    return "" if 0 < measured.get("mAP", 0) <= 1 else f"measured {measured}"


def main() -> int:
    """Run all cells and print the table; 0 if every one is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="run the cells whose name holds this")
    only, bad = parser.parse_args().only, 0
    with tempfile.TemporaryDirectory(prefix="isofed-levels-") as name:
        data = Path(name) / "data"
        size = (
            "--images",
            "4",
            "--identities",
            "24",
            "--test-identities",
            "4",
            "--height",
            "32",
            "--width",
            "16",
        )
        isofed("data", "make", "sysu", "--out", str(data), *size)
        isofed("declare", "camera", str(data))
        chosen = [cell for cell in cells(data) if only in cell.name]
        for number, cell in enumerate(chosen):
            begun = time.monotonic()
            wrong = judge(cell, Path(name) / f"run{number}")
            bad += bool(wrong)
            what = "refused" if cell.refused else f"{cell.clients} clients"
            print(f"{cell.name:<46}{what:<12}{time.monotonic() - begun:6.1f} s  {wrong or 'ok'}", flush=True)
    print("accepted" if not bad else f"FAILS: {bad} of {len(chosen)} cells")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
