"""Clients, groups and evaluations of L2RW, counted by the loaders on trees of tiny images at the real counts.

    .venv/bin/python tests/acceptance/issue_3/counts.py [--layouts sysu,regdb] [--keep DIR]

Writes each data set's tree in its published layout, checks it as `isofed data check` does, opens it as each
client, each entity, a pooled trainer and the evaluator open it, and compares what they find with
published.py. Ends with `accepted`, or with a line for each number that FAILS and exit code 1. SYSU-MM01's
tree needs the published permutations, see trees/sysu.py. The three data sets of pictures take two minutes of
an idle core, HITSZ-VCM with its 463 259 frames as long again; TMPDIR may name a faster disk.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from opened import Opened, clients, evaluation, open_tree, write
from published import GROUPS, TABLES, Client, Entity, Group, Table

from isofed.tasks import TASKS
from isofed.tasks.reid.layouts.common import INFRARED, VISIBLE

HEAD = f"  {'client':<8} {'modality':<9} {'ids':>5} {'images':>7} {'counted':>8} {'weight':>8}"


def differences(where: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each number that is not as published; what is not published is as it is."""
    for name, want in expected.items():
        if want is not None and found[name] != want:
            yield f"FAILS: {where}: {name} {found[name]}, expected {want}"


def one_layout(name: str, root: Path, table: Table) -> Iterator[str]:
    """Print a data set's numbers and yield what is not as published."""
    for finding in TASKS["reid"].layouts[name].check(root, None):
        if not finding.ok:
            yield f"FAILS: {name}: {finding.what}: {finding.found}, expected {finding.expected}"
    for split in range(1, table.splits + 1):
        where = f"{name}, split {split}" if table.splits > 1 else name
        opened = open_tree(root, Path(f"{root}.cache{split}"), name, "camera", table.batch, split)
        found, together = clients(opened)
        tested = evaluation(opened)
        if split == 1:
            show(where, found, together, tested)
            if table.clients[0].images is None:
                print("  its cameras' counts are not published: these are the tree's own")
        faults = list(compare(where, opened, found, together, tested, table))
        if split > 1 and not faults:
            print(f"  split {split}: the same", flush=True)
        yield from faults
        if name == "sysu":
            official = evaluation(opened, "official")
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


def one_group(folder: Path, group: Group) -> Iterator[str]:
    """Print a group's entities, its pool and its evaluation, and yield what is not as published."""
    entities = open_tree(folder, folder / "groups.cache", group.name, "entity", (8, 8))
    samples = {name: entities.train(name) for name in entities.names("entity")}
    counted = {name: entities.counted(own) for name, own in samples.items()}
    print(f"{group.name}: {len(samples)} entities")
    for name, own in samples.items():
        expected = group.entities[name]
        weight = f"{counted[name] / sum(counted.values()):.{len(expected.weight) - 2}f}"
        found = Entity((int(own.labels.min()), int(own.labels.max())), len(own), weight)
        rows = f"{found.rows[0]}-{found.rows[1]}"
        print(f"  {name:<8} {'rows':<9} {rows:>9} {found.images:>7} {counted[name]:>8} {weight:>8}")
        yield from differences(f"{group.name}, {name}", asdict(found), asdict(expected))
    yield from _pool(folder, group, evaluation(entities))


def _pool(folder: Path, group: Group, tested: Mapping[str, int]) -> Iterator[str]:
    """Look at what a trainer with everything holds, and at the unseen data set's evaluation."""
    sharing = open_tree(folder, folder / "groups.cache", group.name, "sharing", (8, 8))
    (pooled,) = sharing.names("sharing")
    domains = sharing.train(pooled).domains
    found = {
        "head": sharing.setting.options.classes,
        "visible": int((domains == VISIBLE).sum()),
        "infrared": int((domains == INFRARED).sum()),
        **tested,
    }
    print("  pooled: head {head}, {visible} visible + {infrared} infrared".format(**found))
    print("  query {query}, gallery {gallery}, draws {draws}".format(**found), flush=True)
    table = TABLES[group.target]
    sizes = {"query": table.query, "gallery": table.gallery, "draws": group.draws}
    wanted = {"head": group.head, "visible": group.visible, "infrared": group.infrared, **sizes}
    yield from differences(group.name, found, wanted)


def count(folder: Path, names: Sequence[str]) -> Iterator[str]:
    """Count all layouts, then the groups whose data sets are among them."""
    for name in names:
        if name in TABLES:
            yield from one_layout(name, write(folder, name), TABLES[name])
        else:
            yield f"FAILS: {name}: there is no such layout"
    for group in GROUPS:
        if {*group.entities, group.target} <= set(names):
            yield from one_group(folder, group)


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
