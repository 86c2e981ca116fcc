"""The memory of `isofed run`, of the gateway and of the connectors while sites report a large model.

    .venv/bin/python benchmarks/deployed_memory.py [--sites 6] [--rounds 2]

The run is the real one over TLS, a process of its own: server loop, strategy, sums, checkpoints. Connectors
and SuperNodes are real too; the sites' workers train nothing and send a model at once. Run twice, with a
network of some thousand parameters and with a ResNet-50 of 25 million, float32.

Prints one JSON object: the largest memory of each, as PSS, in MiB and in bytes of the large model. PSS shares
a library's pages out among all processes that have it in memory, so that it is lower beside others with
PyTorch. Of the run therefore also: what is its own, what of that lies in no file, and all that it has (RSS),
which is what PSS could at most be; and by how much the two RSS differ, which is what the large model takes,
itself included.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from deployed import federation

SMALL = ("task.stem=4", "task.stage2=4", "task.stage3=8", "task.dimensions=8", "task.classes=16")
LARGE = ("task.backbone=resnet50", "task.dimensions=2048", "task.classes=730")
ALIKE = ("strategy=fedavg", "evaluate_every=0", "tensorboard=false", "progress=false")
EVERY = 0.05  # seconds
KINDS = {
    "pss": ("Pss",),
    "own": ("Private_Clean", "Private_Dirty"),
    "anonymous": ("Anonymous",),
    "rss": ("Rss",),
}


def memory(number: int) -> dict[str, int]:
    """Return a process's memory in bytes, by :data:`KINDS`."""
    lines = Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()
    sizes = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines if line.endswith(" kB")}
    return {kind: sum(sizes[name] for name in names) for kind, names in KINDS.items()}


class Peaks:
    """The largest memory of some processes, looked at twenty times a second."""

    def __init__(self, numbers: list[int]) -> None:
        self.numbers, self.peaks = numbers, [dict.fromkeys(KINDS, 0) for _ in numbers]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Peaks":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(EVERY):
            for place, number in enumerate(self.numbers):
                with suppress(OSError, KeyError):  # it has ended
                    found = memory(number)
                    self.peaks[place] = {
                        kind: max(most, found[kind]) for kind, most in self.peaks[place].items()
                    }


Found = tuple[list[dict[str, int]], float]


def run(hub: Path, folder: Path, words: tuple[str, ...], others: list[int]) -> Found:
    """Run a federation to its end; return the peaks of its process and of others, and its seconds."""
    command = [sys.executable, "-m", "isofed", "run", f"hub={hub}", f"hydra.run.dir={folder}", *ALIKE, *words]
    began = time.monotonic()
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    with Peaks([running.pid, *others]) as peaks:
        code = running.wait()
    assert code == 0, f"the run ended with {code}"
    return peaks.peaks, time.monotonic() - began


def measured(sites: int, rounds: int, root: Path) -> dict[str, Any]:
    """Return all figures."""
    with federation(root, sites) as (hub, _, found):
        others, length = found["gateway"] + found["connector"], f"rounds={rounds}"
        (small, *_), _ = run(hub.folder.root, root / "small", (*SMALL, length), others)
        (large, gateway, *connectors), taken = run(hub.folder.root, root / "large", (*LARGE, length), others)
    model = max(path.stat().st_size for path in (root / "large").rglob("*.ckpt"))
    peaks = {
        "run, small model": small["pss"],
        "run, small model, RSS": small["rss"],
        "run": large["pss"],
        "run, its own": large["own"],
        "run, without files and libraries": large["anonymous"],
        "run, RSS": large["rss"],
        "run, by the large model": large["rss"] - small["rss"],
        "gateway": gateway["pss"],
        "largest connector": max(each["pss"] for each in connectors),
    }
    return {
        "sites": sites,
        "rounds": rounds,
        "model_bytes": model,
        "seconds": round(taken),
        "peak_mib": {name: round(peak / 2**20) for name, peak in peaks.items()},
        "peak_models": {name: round(peak / model, 2) for name, peak in peaks.items()},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sites", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measured(arguments.sites, arguments.rounds, Path(folder)), indent=1))


if __name__ == "__main__":
    main()
