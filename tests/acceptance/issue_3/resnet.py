"""The full-size model: its counts, the public file's names, and one federated round at 288 x 144.

    .venv/bin/python tests/acceptance/issue_3/resnet.py [--folder DIR]

The round is `isofed simulate` as a person starts it: six cameras of a drawn set, ResNet-50 begun from a file
under the public names, 395 rows in the head, batches of 64 pictures, DPPT. Without a GPU a camera has
so few pictures that its epoch is one step: 4 min 43 s in all on two cores that six other processes shared,
7.5 GB of memory. With one it has nine steps, under fp16. Exits with 1 where something does not hold.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from isofed.strategies.share import everything, flatten, without
from isofed.tasks.reid.model import ReidNet, build
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.resnet import ResNet50
from isofed.tasks.reid.weights import load

CLASSES, WIDTH, CAMERAS, BATCH = 395, 2048, 6, 64
CENTRES = CLASSES * WIDTH * 4
PAYLOAD = 97_513_648
OPTIONS = ReidOptions(backbone="resnet50", dimensions=WIDTH)
DATA = {"identities": 16, "test_identities": 4, "coverage": 1.0}
WORDS = (
    "task=reid_resnet50",
    f"task.classes={CLASSES}",
    "rounds=1",
    "evaluate_every=0",
    "alone=false",
    "tensorboard=false",
    "engine.workers=1",
)
Line = tuple[str, object, object]  # what, found, expected


def made(seed: int = 0) -> ReidNet:
    """Return the network with the head of SYSU-MM01."""
    return build(OPTIONS, CLASSES, torch.Generator().manual_seed(seed))


def size(module: nn.Module) -> int:
    """Count parameters."""
    return sum(p.numel() for p in module.parameters())


def counts() -> Iterator[Line]:
    """Compare with sections 2.1 and 6.3 of the fact sheet."""
    model = made()
    yield "parameters of the backbone", size(model.backbone), 23_508_032
    yield "with the BN neck, as published", size(model.backbone) + size(model.neck), 23_512_128
    whole = flatten(model, everything)
    yield "tensors that travel", sum(len(tree) for tree in whole.values()), 324
    shared = sum(tree.layout.nbytes for tree in whole.values())
    yield "bytes that travel", shared, PAYLOAD
    parts = flatten(model, without("head."))
    yield "without the head", parts["model"].layout.nbytes + parts["buffers"].layout.nbytes, 94_277_808
    yield "GB in a round of SYSU-MM01", round(2 * CAMERAS * (shared + CENTRES) / 1e9, 2), 1.21
    yield "billion multiplications", round(multiplications() / 1e9, 2), 5.13


def multiplications() -> int:
    """Count what the convolutions multiply for one picture of 288 x 144."""
    done: list[int] = []

    def count(module: nn.Conv2d, inputs: object, maps: torch.Tensor) -> None:
        done.append(maps.numel() * module.weight[0].numel())

    with torch.device("meta"):
        backbone = ResNet50()
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    backbone(torch.empty(1, 3, 288, 144, device="meta"))
    return sum(done)


def public(file: Path) -> Iterator[Line]:
    """Write a file with the names and shapes of the older public one, and load it."""
    source, target = made(1).backbone, made(2)
    classifier = {"fc.weight": torch.zeros(1000, WIDTH), "fc.bias": torch.zeros(1000)}
    state = {n: v for n, v in source.state_dict().items() if not n.endswith("num_batches_tracked")}
    torch.save(state | classifier, file)
    yield "names in the public file", len(state) + len(classifier), 267
    load(target, file)
    found = target.backbone.state_dict()
    yield "of them loaded", sum(torch.equal(found[name], value) for name, value in state.items()), 265


def one_round(folder: Path, file: Path) -> Iterator[Line]:
    """Run the command and read what it says of itself."""
    accelerated = torch.cuda.is_available()
    steps = 9 if accelerated else 1
    data = DATA | {"images": 2 + (steps - 1) * BATCH // int(DATA["identities"])}
    words = [*WORDS, *(f"data.make.{key}={value}" for key, value in data.items()), f"weights={file}"]
    words += (
        ["task.precision=fp16"] if accelerated else [f"engine.threads_per_client={torch.get_num_threads()}"]
    )
    begun = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "isofed", "simulate", *words, f"hydra.run.dir={folder}"], check=True
    )
    summary = json.loads((folder / "summary.json").read_text())
    print(
        f"one round on {'a GPU' if accelerated else 'a CPU'}: {time.monotonic() - begun:.0f} seconds in all"
    )
    print(f"at most {summary['peak_rss_bytes'] / 1e9:.1f} GB of memory; seconds: {summary['seconds']}")
    yield "cameras that trained", len(summary["sites"]), CAMERAS
    yield "steps of each", {site["steps"] for site in summary["sites"].values()}, {steps}
    sent = {int(moved["up"]) for moved in summary["bytes"].values()}
    least = PAYLOAD + CENTRES
    yield (
        "bytes sent by a camera are model, centres and little else",
        all(least <= up < least + 10_000 for up in sent),
        True,
    )
    print(f"bytes sent by each camera: {sorted(sent)}; {least} are model and centres")
    yield (
        "every measure lies between 0 and 1",
        all(0 <= value <= 1 for value in summary["metrics"]["federated"].values()),
        True,
    )


def judge(lines: Iterator[Line]) -> bool:
    """Print every line, and return whether all hold."""
    held = True
    for what, found, expected in lines:
        held &= found == expected
        print(f"{'ok   ' if found == expected else 'WRONG'} {what}: {found}, expected {expected}", flush=True)
    return held


def main() -> int:
    """Run all three parts."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, help="where the run is kept; a temporary one otherwise")
    chosen = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "resnet50.pth"
        parts = [counts(), public(file), one_round(chosen or Path(temporary) / "run", file)]
        held = [judge(part) for part in parts]
    print("accepted" if all(held) else "NOT ACCEPTED")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
