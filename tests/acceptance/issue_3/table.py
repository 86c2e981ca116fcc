"""The shape of the paper's tables 1 to 3 on synthetic data, honestly printed.

What is trained (B: identity and circle loss; B + CA: with channel augmentation; DPPT: with the memory
rectification bank as well) under what averages (FedAvg, FedProx, FedNova, MOON), under camera independence
(six cameras of a drawn SYSU-MM01) and entity independence (drawn RegDB and LLCM train, a drawn SYSU-MM01
is tested on). Mean and sample standard deviation over the seeds, per cent; the same data for all. FedNova
needs momentum that begins every round at zero, so FedAvg is also run so, and compared with it.

Nothing is accepted or refused by how it comes out: the paper's orders are printed with whether they hold
here, and by how many standard errors. It is a small network on drawn persons, trained for minutes.

    python tests/acceptance/issue_3/table.py [--seeds 3] [--rounds 16] [--out FOLDER]
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from isofed.simulations.alongside import side_by_side
from isofed.simulations.federation import Federation
from isofed.simulations.pool import Pool
from isofed.tasks import TASKS
from isofed.tasks.reid.options import ReidOptions

SIZE = {"height": 64, "width": 32}
DATA: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "camera": ("sysu", {"identities": 48, "test_identities": 24, "images": 8}),
    "entity": ("regdb_llcm_to_sysu", {"identities": 32, "test_identities": 24, "images": 2}),
}
LOCAL: Mapping[str, tuple[float, bool]] = {"B": (0.0, False), "B + CA": (1.0, False), "DPPT": (1.0, True)}
BASES: Mapping[str, Mapping[str, bool]] = {
    "FedAvg": {},
    "FedProx": {},
    "FedNova": {"keep_momentum": False},
    "MOON": {},
    "FedAvg, fresh momentum": {"keep_momentum": False},
}
SHOWN = ("R1", "R10", "mAP", "mINP")


@dataclass(frozen=True)
class Cell:
    """One row of a table, and one of its seeds."""

    level: str
    base: str
    local: str
    seed: int

    @property
    def name(self) -> str:
        """Of the run's folder."""
        words = (self.level, self.base, self.local, f"seed{self.seed}")
        return "_".join(word.replace(" ", "").replace(",", "-").replace("+", "") for word in words)


def strategy(cell: Cell) -> dict[str, Any]:
    """Return the strategy's configuration."""
    base = cell.base.partition(",")[0].lower()
    return {"name": "dppt", "base": base} if LOCAL[cell.local][1] else {"name": base}


def federation(cell: Cell, folder: Path, rounds: int) -> Federation:
    """Return the cell's run over data that are there."""
    layout = TASKS["reid"].layouts[DATA[cell.level][0]]
    root, options = folder / cell.level, ReidOptions(**SIZE)
    task = {
        "name": "reid",
        **SIZE,
        **layout.resolve(root, options),
        "channel_augmentation": LOCAL[cell.local][0],
        **BASES[cell.base],
    }
    cfg = {
        "run": "table",
        "seed": cell.seed,
        "rounds": rounds,
        "evaluate_every": 0,
        "layout": layout.name,
        "task": task,
        "protocol": {"name": cell.level},
        "strategy": strategy(cell),
    }
    sites = tuple(site.name for site in layout.sites(root, cell.level))
    return Federation(
        cell.name, cfg, sites, root, folder / f"{cell.level}_sites", folder / "runs" / cell.name
    )


def cells(seeds: int) -> Iterator[Cell]:
    """Yield every cell, seeds innermost."""
    for level in DATA:
        for base in BASES:
            for local in LOCAL:
                for seed in range(seeds):
                    yield Cell(level, base, local, seed)


def draw(folder: Path, pool: Pool) -> None:
    """Draw both data sets, unless they are there."""
    for level, (name, make) in DATA.items():
        layout = TASKS["reid"].layouts[name]
        if not (folder / level).exists():
            layout.make(folder / level, 0, layout.options(**make, **SIZE), pool.map, None)


def told(total: int) -> Any:
    """Return a sink that prints each finished run with the time left."""
    begun, done = time.monotonic(), [0]

    def heard(name: str, **fields: Any) -> None:
        if name == "evaluated" and fields["round"]:
            done[0] += 1
            left = (time.monotonic() - begun) / done[0] * (total - done[0])
            print(f"\r{done[0]}/{total} runs, {left / 60:.0f} min left ", end="", file=sys.stderr, flush=True)

    return heard


def gathered(results: Mapping[str, Any], seeds: int) -> dict[tuple[str, str, str], dict[str, list[float]]]:
    """Return each row's measures over the seeds, per cent."""
    found: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for cell in cells(seeds):
        mean = results[cell.name]["history"][-1]["metrics"]["mean"]
        row = found.setdefault((cell.level, cell.base, cell.local), {key: [] for key in SHOWN})
        for key in SHOWN:
            row[key].append(100 * mean[key])
    return found


def shown(values: list[float]) -> str:
    """Return mean and sample standard deviation."""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):5.1f} ± {spread:4.1f}"


def compared(a: list[float], b: list[float]) -> str:
    """Return by how much ``b`` is above ``a``, paired by seed, and whether noise could explain it."""
    apart = [y - x for x, y in zip(a, b, strict=True)]
    error = statistics.stdev(apart) / len(apart) ** 0.5 if len(apart) > 1 else float("inf")
    mean = statistics.mean(apart)
    verdict = (
        "holds" if mean > 2 * error else "does not hold" if mean < -2 * error else "cannot be told from noise"
    )
    return f"{mean:+5.1f} ± {error:.1f} points (standard error)  {verdict}"


def report(found: Mapping[tuple[str, str, str], Mapping[str, list[float]]]) -> None:
    """Print both tables, then the paper's orders."""
    for level in DATA:
        print(f"\n{level} independence: {DATA[level][0]}")
        print(f"  {'averaged by':<24}{'trained':<10}" + "".join(f"{key:>14}" for key in SHOWN))
        for (own, base, local), row in found.items():
            if own == level:
                print(f"  {base:<24}{local:<10}" + "".join(f"{shown(row[key]):>14}" for key in SHOWN))
        print("\n  orders of the paper, mAP, paired by seed:")
        for low, high in (("B", "B + CA"), ("B + CA", "DPPT")):
            pair = [found[level, "FedAvg", local]["mAP"] for local in (low, high)]
            print(f"    {low} < {high} under FedAvg:".ljust(44) + compared(*pair))
        for base in ("FedProx", "MOON"):
            pair = [found[level, one, "DPPT"]["mAP"] for one in (base, "FedAvg")]
            print(f"    {base} < FedAvg with DPPT:".ljust(44) + compared(*pair))
        pair = [found[level, one, "DPPT"]["mAP"] for one in ("FedNova", "FedAvg, fresh momentum")]
        print("    FedNova < FedAvg, both fresh, with DPPT:".ljust(44) + compared(*pair))


def main() -> int:
    """Run what is missing and print the tables; 0 if every run came to its end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--out", type=Path, default=None, help="keep data and runs here, and go on from them")
    asked, begun = parser.parse_args(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="isofed-table-") as name:
        folder = asked.out or Path(name)
        pool = Pool.start(len(os.sched_getaffinity(0)), 1)
        draw(folder, pool)
        runs = [federation(cell, folder, asked.rounds) for cell in cells(asked.seeds)]
        results = side_by_side(runs, pool, told(len(runs)))
        pool.stop()
        found = gathered(results, asked.seeds)
        (folder / "table.json").write_text(json.dumps({"_".join(k): v for k, v in found.items()}, indent=1))
        report(found)
    print(
        f"\n{len(runs)} runs of {asked.rounds} rounds in {(time.monotonic() - begun) / 60:.1f} min: accepted"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
