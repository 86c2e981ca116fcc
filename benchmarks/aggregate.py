"""How fast a server makes one model of many: linear rules beside a plain copy and Flower's, and robust ones.

    .venv/bin/python benchmarks/aggregate.py [--size 25] [--clients 100] [--laps 3] [--only PART ...]

`stream`: FedAvg over `--clients` replies of `--size` million float32, from the reply in hand to the new
model, the check of every number for NaN and infinity included, in turns with a plain copy of the same bytes.
`flower`: 20 replies as the bytes that Flower sends, until there is a new model, by Flower's own function and
by ours, in turns. `krum`, `median`: half as many replies under the rule, in a file where they are large. Each
part runs in a process of its own; `peak` is what its memory grew by while it aggregated, in models, with the
model that was sent, the reply in hand and the new model, but without what the network would hold. Of each
time the processors' own, `cpu`, is told beside that of the clock. Prints one JSON object a part.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from flwr.serverapp.strategy.strategy_utils import aggregate_arrayrecords

from isofed.contracts import Contract, NumberContract, TreeContract
from isofed.protocols import wire
from isofed.protocols.letter import NUMBERS
from isofed.records import Report, Value
from isofed.server.asks import Reply
from isofed.server.replies import FEW
from isofed.server.rounds import Outcome, training_round
from isofed.server.state import ServerState
from isofed.setting import Setting
from isofed.strategies.named import STRATEGIES
from isofed.trees import Layout, Tree

POOL = 4  # models of which the replies are made: more than fits a processor's own cache
NOTHING = Tree(Layout.of([]), {})
SCALARS = {"examples": 10, "steps": 3, "loss": 0.5}


def layout_of(size: int) -> Layout:
    """Return a ResNet-50's shapes, stretched or cut to so many numbers: 160 arrays and a last one."""
    shapes: list[tuple[int, ...]] = [(64, 3, 7, 7), (64,), (64,)]
    width = 64
    for planes, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            for shape in ((planes, width, 1, 1), (planes, planes, 3, 3), (4 * planes, planes, 1, 1)):
                shapes += [shape, (shape[0],), (shape[0],)]
            if block == 0:
                shapes += [(4 * planes, width, 1, 1), (4 * planes,), (4 * planes,)]
            width = 4 * planes
    kept = []
    for shape in shapes:
        if size - (count := int(np.prod(shape))) < 1:
            break
        size -= count
        kept.append(shape)
    return Layout.of((f"layer{n}", shape, "float32") for n, shape in enumerate([*kept, (size,)]))


def models(layout: Layout, count: int) -> list[Tree]:
    """Return different models near each other."""
    (size,) = layout.sizes.values()
    rng = np.random.default_rng(0)
    start = rng.standard_normal(size, np.float32)
    return [
        Tree(layout, {"float32": start + np.float32(1e-3) * rng.standard_normal(size, np.float32)})
        for _ in range(count)
    ]


def contract_of(layout: Layout) -> Contract:
    """Return what a reply may hold."""
    trees = {
        name: TreeContract("value", each, name)
        for name, each in (("model", layout), ("buffers", NOTHING.layout))
    }
    numbers = {
        name: NumberContract(isinstance(value, int), 0.0, 1e9, name) for name, value in SCALARS.items()
    }
    return Contract("camera", trees, numbers)


def report_of(tree: Tree) -> Report:
    """Return a reply that shows a model's memory; nothing is known of it yet."""
    return Report(
        1, 1, "1.1", {"model": Value(Tree(tree.layout, tree.buffers)), "buffers": Value(NOTHING)}, SCALARS
    )


def played(
    strategy: Mapping[str, Any], start: Tree, reports: Iterator[Report], count: int, at_once: int = 1
) -> Outcome:
    """Let the server's own round take replies as they come, each checked."""
    task: Any = SimpleNamespace(width=lambda options: 0)
    recipe = STRATEGIES[strategy["name"]](**{k: v for k, v in strategy.items() if k != "name"})
    setting = Setting("run", 0, 1, 0, task, SimpleNamespace(classes=0), None, None, recipe, "none", "")
    sites, contract = [f"site{n:04d}" for n in range(count)], contract_of(start.layout)
    round = training_round(ServerState(0, {"model": start, "buffers": NOTHING}), setting, sites, 1, 1)
    next(round)

    def checked(report: Report) -> Report:
        contract.check(report)
        return report

    def runs() -> Iterator[list[Reply]]:
        for at in range(0, count, at_once):
            run: list[Reply] = [(site, checked(next(reports))) for site in sites[at : at + at_once]]
            yield run
            run.clear()  # nothing here may hold a report while the next one is made

    try:
        round.send(runs())
    except StopIteration as end:
        found: Outcome = end.value
        return found
    raise AssertionError("the round did not end")


def seconds(work: Callable[[], Any]) -> tuple[float, float]:
    """Return how long something takes, by the clock and of the processors' time."""
    begun, spent = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - spent


def compared(
    one: str, other: str, works: tuple[Callable[[], Any], Callable[[], Any]], laps: int
) -> dict[str, Any]:
    """Return the medians of two works done in turns, and how many times faster the second was."""
    times = [(*seconds(works[0]), *seconds(works[1])) for _ in range(laps)]
    names = (f"{one}_s", f"{one}_cpu_s", f"{other}_s", f"{other}_cpu_s")
    found = {
        name: round(float(np.median(column)), 3)
        for name, column in zip(names, np.array(times).T, strict=True)
    }
    return {**found, f"{one}_by_{other}": round(statistics.median(t[0] / t[2] for t in times), 3)}


class Grown:
    """How far this process's memory grew inside the block, in bytes."""

    def __enter__(self) -> "Grown":
        """Forget the highest mark so far."""
        Path("/proc/self/clear_refs").write_text("5")
        self._before, self.bytes = self._read("VmRSS"), 0
        return self

    def __exit__(self, *_: object) -> None:
        """Read the highest mark."""
        self.bytes = self._read("VmHWM") - self._before

    @staticmethod
    def _read(what: str) -> int:
        line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(what))
        return int(line.split()[1]) * 1024


def stream(size: int, clients: int, laps: int) -> dict[str, Any]:
    """Measure a linear rule beside a plain copy."""
    layout = layout_of(size)
    pool, into = models(layout, POOL), np.empty(size, np.float32)
    start = Tree(layout, {"float32": pool[0].buffers["float32"].copy()})

    def copy() -> None:
        for n in range(clients):
            np.copyto(into, pool[n % POOL].buffers["float32"])

    def fold() -> None:
        played({"name": "fedavg"}, start, (report_of(pool[n % POOL]) for n in range(clients)), clients)

    copy()
    arriving = (report_of(pool[n % POOL].numpy()) for n in range(min(clients, 8)))
    with Grown() as grown:
        played({"name": "fedavg"}, start, arriving, min(clients, 8))
    fold()
    # the model that was sent was there before
    found = {"clients": clients, "peak_models": round(1 + grown.bytes / (4 * size), 2)}
    return {**found, **compared("copy", "fold", (copy, fold), laps)}


def flower(size: int, clients: int, laps: int) -> dict[str, Any]:
    """Measure Flower's function and ours on the bytes that its engines carry."""
    layout, clients = layout_of(size), 20
    pool, contract = models(layout, POOL), contract_of(layout)
    theirs = [
        RecordDict(
            {
                "arrays": ArrayRecord({n: Array(a) for n, a in t.items()}),
                "m": MetricRecord({"num-examples": 10}),
            }
        )
        for t in pool
    ]
    ours = [_flat(tree) for tree in pool]

    def by_flower() -> None:
        aggregate_arrayrecords([theirs[n % POOL] for n in range(clients)], "num-examples")

    def read(content: RecordDict) -> Report:
        wire.check(content, contract)
        return wire.read_report(content, contract)

    def by_us() -> None:
        played({"name": "fedavg"}, pool[0], (read(ours[n % POOL]) for n in range(clients)), clients, FEW)

    by_flower(), by_us()
    return {"clients": clients, **compared("flower", "ours", (by_flower, by_us), laps)}


def _flat(tree: Tree) -> RecordDict:
    """Return a report's content with its arrays as bytes."""
    return RecordDict(
        {
            "value.model": ArrayRecord({"float32": Array(tree.buffers["float32"])}),
            "value.buffers": ArrayRecord(),
            "report": ConfigRecord({"round": 1, "attempt": 1, "version": "1.1"}),
            NUMBERS: MetricRecord(dict(SCALARS)),
        }
    )


def robust(name: str) -> Callable[[int, int, int], dict[str, Any]]:
    """Return the measurement of a robust rule."""

    def measure(size: int, clients: int, laps: int) -> dict[str, Any]:
        layout, clients = layout_of(size), max(clients // 2, 3)
        pool, made = models(layout, POOL), [0.0]
        reply = np.empty(size, np.float32)

        def reports() -> Iterator[Report]:
            for n in range(clients):
                begun = time.perf_counter()
                np.multiply(pool[n % POOL].buffers["float32"], np.float32(1 + 1e-4 * n), out=reply)
                made[0] += time.perf_counter() - begun
                yield report_of(Tree(layout, {"float32": reply}))

        with Grown() as grown:
            spent, cpu = seconds(lambda: played({"name": name}, pool[0], reports(), clients))
        grown_by = round(2 + grown.bytes / (4 * size), 2)
        return {
            "clients": clients,
            "s": round(spent - made[0], 2),
            "cpu_s": round(cpu, 2),
            "peak_models": grown_by,
        }

    return measure


PARTS: Mapping[str, Callable[[int, int, int], dict[str, Any]]] = {
    "stream": stream,
    "flower": flower,
    **{name: robust(name) for name in ("krum", "median", "trimmed_mean", "bulyan", "rfa")},
}


def main() -> None:
    """Run each part in a process of its own and print what it found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=float, default=25.0, help="numbers of a model, in millions")
    parser.add_argument(
        "--clients", type=int, default=100, help="replies of the stream; robust rules take half"
    )
    parser.add_argument("--laps", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=["stream", "flower", "krum", "median"])
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    for part in chosen.only:
        if chosen.here:
            found = PARTS[part](int(chosen.size * 1e6), chosen.clients, chosen.laps)
            print(
                json.dumps(
                    {"part": part, "million": chosen.size, "cores": len(os.sched_getaffinity(0)), **found}
                )
            )
            continue
        again = ["--size", str(chosen.size), "--clients", str(chosen.clients), "--laps", str(chosen.laps)]
        subprocess.run([sys.executable, __file__, *again, "--only", part, "--here"], check=True)


if __name__ == "__main__":
    main()
