"""10,000 queries against 1,000,000 gallery images of 128 dimensions.

    .venv/bin/python tests/acceptance/issue_3/million.py [--queries N] [--gallery N] [--dimensions N]

Writes features with 20 images of each person into a folder of .npy files and scores them with ``isofed score
reid FOLDER``, which maps them. Prints the time, the processor time for machines that are busy, and the peak
of the process's own memory: RssAnon in /proc/PID/status, read fifty times a second, which is what is resident
beside mapped files, all of Python and its libraries included. Then 50 queries are scored and held against
whole rankings made one by one. Ends with a verdict: under 2 GB, and the same numbers. Exits with 1 where it
does not hold.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

IMAGES, NOISE = 20, 1.4  # of each person; the noise against a person's direction, so that ranks are hard
CHECKED, MOST_BYTES, BLOCK = 50, 2e9, 50_000
SCORE = ("--rule", "sysu", "--draws", "none")  # the rule with the most to do: exclusions, distinct persons
ALLOWED = {3: (1, 4, 5), 6: (1, 2, 4, 5)}  # gallery cameras by query camera
FIELDS = ("features", "ids", "cams")


def main() -> int:
    """Write, score, check; say whether it holds."""
    asked = options()
    with tempfile.TemporaryDirectory() as place:
        whole, few = Path(place, "whole"), Path(place, "few")
        write(whole, asked.queries, asked.gallery, asked.dimensions)
        choose(whole, few)
        found, seconds, peak = scored(whole)
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(
            f"{asked.queries} queries x {asked.gallery} images x {asked.dimensions}: {seconds:.1f} s, "
            f"{spent.ru_utime + spent.ru_stime:.1f} s of processor time on {os.cpu_count()} cores"
        )
        print(f"peak beside mapped files: {peak / 1e6:.0f} MB")
        print("  ".join(f"{name} {found[name]['mean']:.4f}" for name in ("R1", "R10", "mAP", "mINP")))
        same = agrees(scored(few)[0], ranked(few))
    held = peak < MOST_BYTES and same
    print("accepted" if held else "NOT ACCEPTED")
    return 0 if held else 1


def options() -> argparse.Namespace:
    """Read the sizes."""
    parser = argparse.ArgumentParser()
    for name, size in (("queries", 10_000), ("gallery", 1_000_000), ("dimensions", 128)):
        parser.add_argument(f"--{name}", type=int, default=size)
    return parser.parse_args()


def write(folder: Path, queries: int, gallery: int, dimensions: int) -> None:
    """Write noisy copies of each person's direction, in no order."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    people = max(1, gallery // IMAGES)
    centres = rng.standard_normal((people, dimensions), np.float32)
    shown = rng.permutation(np.arange(gallery) % people)
    for side, ids, cams in (
        ("query", rng.integers(0, people, queries), (3, 6)),
        ("gallery", shown, (1, 2, 4, 5)),
    ):
        np.save(folder / f"{side}_ids.npy", ids)
        np.save(folder / f"{side}_cams.npy", rng.choice(cams, len(ids)))
        table = np.lib.format.open_memmap(
            folder / f"{side}_features.npy", "w+", np.float32, (len(ids), dimensions)
        )
        for at in range(0, len(ids), BLOCK):
            part = ids[at : at + BLOCK]
            noise = rng.standard_normal((len(part), dimensions), np.float32)
            table[at : at + BLOCK] = centres[part] + NOISE * noise
        table.flush()


def choose(whole: Path, few: Path) -> None:
    """Make a folder of some of the queries and the same gallery."""
    few.mkdir()
    for field in FIELDS:
        queries = np.load(whole / f"query_{field}.npy", mmap_mode="r")
        chosen = np.linspace(0, len(queries) - 1, CHECKED).astype(int)
        np.save(few / f"query_{field}.npy", queries[chosen])
        (few / f"gallery_{field}.npy").symlink_to(whole / f"gallery_{field}.npy")


def scored(folder: Path) -> tuple[dict[str, Any], float, int]:
    """Run the command: what it prints, its seconds, and the peak of its own memory in bytes."""
    command = [sys.executable, "-m", "isofed", "score", "reid", str(folder), *SCORE]
    begun, peak = time.monotonic(), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, anonymous(process.pid))
            time.sleep(0.02)
        printed = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return json.loads(printed), time.monotonic() - begun, peak


def anonymous(process: int) -> int:
    """Return a process's resident bytes that belong to no file; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem")))


def ranked(folder: Path) -> dict[str, float]:
    """Rank the whole gallery for one query after the other."""
    query, gallery = ([np.load(folder / f"{side}_{f}.npy") for f in FIELDS] for side in ("query", "gallery"))
    unit = [unit_rows(features) for features in (query[0], gallery[0])]
    first, ap, inp = [], [], []
    for vector, person, camera in zip(unit[0], *query[1:], strict=True):
        counted = np.isin(gallery[2], ALLOWED[int(camera)])
        nearness = (unit[1] @ vector).astype(np.float32)[counted]
        people = gallery[1][counted][np.argsort(-nearness, kind="stable")]
        ranks = np.flatnonzero(people == person) + 1
        if len(ranks):
            first.append(len(np.unique(people[: ranks[0] - 1])) + 1)
            ap.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
            inp.append(len(ranks) / ranks[-1])
    cmc = {f"R{k}": np.mean(np.array(first) <= k) for k in (1, 5, 10, 20)}
    return {name: float(value) for name, value in (cmc | {"mAP": np.mean(ap), "mINP": np.mean(inp)}).items()}


def unit_rows(features: np.ndarray) -> np.ndarray:
    """Return rows of length 1, in double precision."""
    doubles = features.astype(np.float64)
    doubles /= np.linalg.norm(doubles, axis=1, keepdims=True)
    return doubles


def agrees(found: dict[str, Any], expected: dict[str, float]) -> bool:
    """Say whether the command's numbers are those of the whole rankings, and print them where not."""
    apart = {name: abs(found[name]["mean"] - value) for name, value in expected.items()}
    print(f"{CHECKED} queries against whole rankings: at most {max(apart.values()):.1e} apart")
    return max(apart.values()) < 1e-9


if __name__ == "__main__":
    sys.exit(main())
