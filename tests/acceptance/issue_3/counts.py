"""Clients, groups and evaluations of L2RW, counted by the loaders on trees of tiny images at the real counts.

    .venv/bin/python tests/acceptance/issue_3/counts.py [--layouts sysu,regdb] [--keep DIR]

Writes each data set's tree in its published layout, checks it as `isofed data check` does, opens it as each
client, each entity, a pooled trainer and the evaluator open it, and compares what they find with
published.py. Ends with `accepted`, or with a line for each number that FAILS and exit code 1. SYSU-MM01's
tree needs the published permutations, see trees/sysu.py. Takes about a minute.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from opened import Opened, amiss, clients, evaluation, write
from published import GROUPS, TABLES, Client, Group, Table

from isofed.tasks import TASKS
from isofed.tasks.reid.layouts.common import INFRARED, VISIBLE

HEAD = f"  {'client':<8} {'modality':<9} {'ids':>5} {'images':>7} {'counted':>8} {'weight':>8}"


def differences(where: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each number that is not as published; what is not published is as it is."""
    for name, want in expected.items():
        if want is not None and found[name] != want:
            yield f"FAILS: {where}: {name} {found[name]}, expected {want}"


def one_layout(name: str, opened: Opened, table: Table) -> Iterator[str]:
    """Print a data set's numbers and yield what is not as published."""
    for finding in amiss(opened):
        yield f"FAILS: {name}: {finding.what}: {finding.found}, expected {finding.expected}"
    for number in range(1, table.splits + 1):
        where = f"{name}, split {number}" if table.splits > 1 else name
        split = opened.split(number)
        found, together = clients(split)
        tested = evaluation(split)
        show(where, found, together, tested)
        yield from compare(where, split, found, together, tested, table)
    if name == "sysu":
        official = evaluation(opened.split(1), "official")
        print("  official draws: gallery {gallery} in each of {draws}".format(**official))
        yield from differences("sysu, official draws", official, {"gallery": table.gallery, "draws": 10})


def show(where: str, found: Mapping[str, Client], together: int, tested: Mapping[str, int]) -> None:
    """Print a table of clients, and the evaluation."""
    print(f"{where}: {len(found)} clients, {together} persons\n{HEAD}")
    for name, client in found.items():
        print(
            f"  {name:<8} {client.modality:<9} {client.identities:>5} {client.images:>7} "
            f"{client.counted:>8} {client.weight:>8.5f}"
        )
    images = sum(client.images or 0 for client in found.values())
    counted = sum(client.counted or 0 for client in found.values())
    print(f"  {'sum':<18} {together:>5} {images:>7} {counted:>8}")
    print("  query {query}, gallery {gallery}, draws {draws}".format(**tested), flush=True)


def compare(
    where: str,
    opened: Opened,
    found: Mapping[str, Client],
    together: int,
    tested: Mapping[str, int],
    table: Table,
) -> Iterator[str]:
    """Yield what is not as published."""
    classes = opened.setting.options.classes
    numbers = {"clients": len(found), "classes": classes, "persons": together, **tested}
    wanted = {"clients": len(table.clients), "classes": table.classes, "persons": table.classes}
    wanted |= {"query": table.query, "gallery": table.gallery, "draws": table.draws}
    yield from differences(where, numbers, wanted)
    for (name, client), expected in zip(found.items(), table.clients, strict=False):
        yield from differences(f"{where}, {name}", asdict(client), asdict(expected))


def one_group(group: Group, opened: Mapping[str, Opened]) -> Iterator[str]:
    """Print a group's entities and its pool, and yield what is not as published."""
    entities = {name: entity(opened[name].split(1), "entity") for name in group.clients}
    pooled = [entity(opened[name].split(1), "sharing") for name in group.clients]
    counted = [found["counted"] for found in entities.values()]
    weights = tuple(
        f"{count / sum(counted):.{len(digits) - 2}f}"
        for count, digits in zip(counted, group.weights, strict=True)
    )
    found = {
        "head": sum(each["identities"] for each in entities.values()),
        "weights": weights,
        "visible": sum(each["visible"] for each in pooled),
        "infrared": sum(each["infrared"] for each in pooled),
    }
    name = f"{' + '.join(group.clients)} -> {group.unseen}"
    each = "; ".join(
        f"{client} {own['identities']} ids, {own['images']} images, weight {weight}"
        for (client, own), weight in zip(entities.items(), weights, strict=True)
    )
    pool = f"{found['visible']} visible + {found['infrared']} infrared"
    print(f"{name}: {each}\n  head {found['head']}, pool {pool}", flush=True)
    yield from differences(name, found, {key: getattr(group, key) for key in found})


def entity(opened: Opened, level: str) -> dict[str, int]:
    """Open all of a data set as its one owner under a level does."""
    (name,) = opened.names(level)
    samples = opened.train(name)
    return {
        "identities": len(np.unique(samples.labels)),
        "images": len(samples),
        "counted": opened.counted(samples),
        "visible": int((samples.domains == VISIBLE).sum()),
        "infrared": int((samples.domains == INFRARED).sum()),
    }


def count(folder: Path, names: Sequence[str]) -> Iterator[str]:
    """Count all layouts, then the groups whose two data sets are among them."""
    opened = {}
    for name in names:
        if name not in TASKS["reid"].layouts:
            yield f"FAILS: {name}: there is no such layout"
            continue
        opened[name] = write(folder, name, TABLES[name])
        yield from one_layout(name, opened[name], TABLES[name])
    for group in GROUPS:
        if set(group.clients) <= set(opened):
            yield from one_group(group, opened)


def main() -> int:
    """Count, and say whether all is as published."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layouts", default=",".join(TABLES), help="which, parted by commas; default: all")
    parser.add_argument("--keep", type=Path, default=None, help="write the trees here and keep them")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="isofed-counts-") as temporary:
        faults = list(count(arguments.keep or Path(temporary), arguments.layouts.split(",")))
    print("\n".join(faults) or "accepted")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
