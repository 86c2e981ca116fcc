"""A file with the names and shapes of the public one; no public file is needed."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from isofed.errors import ConfigError, DataError
from isofed.strategies.share import flatten
from isofed.tasks.reid.model import ReidNet, build
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.resnet import ResNet50
from isofed.tasks.reid.weights import load

State = dict[str, Any]


@pytest.fixture(scope="module")
def public() -> State:
    """All names of the public file, drawn values, batch counters and classifier included."""
    draw = torch.Generator().manual_seed(4)
    with torch.device("meta"):
        names = ResNet50().state_dict()
    state = {
        name: torch.tensor(5) if value.dim() == 0 else torch.rand(value.shape, generator=draw)
        for name, value in names.items()
    }
    return state | {"fc.weight": torch.rand(1000, 2048), "fc.bias": torch.rand(1000)}


@pytest.fixture(scope="module")
def model() -> ReidNet:
    options = ReidOptions(backbone="resnet50", dimensions=2048)
    return build(options, 4, torch.Generator().manual_seed(0))


def write(folder: Path, state: Any, **how: Any) -> Path:
    path = folder / "secret_name.pth"
    torch.save(state, path, **how)
    return path


def test_the_backbone_is_the_file_s_and_nothing_else_changes(
    model: ReidNet, public: State, tmp_path: Path
) -> None:
    trees = flatten(model)
    rest = {n: v.clone() for n, v in model.state_dict().items() if not n.startswith("backbone.")}
    load(model, write(tmp_path, public))
    for name, value in model.state_dict().items():
        inner = name.removeprefix("backbone.")
        assert torch.equal(value, rest[name] if inner == name else public[inner]), name
    assert torch.equal(trees["model"]["backbone.layer4.2.conv3.weight"], public["layer4.2.conv3.weight"])


def test_the_older_file_is_read(model: ReidNet, public: State, tmp_path: Path) -> None:
    old = {
        name: value if "running" in name else nn.Parameter(value)
        for name, value in public.items()
        if not name.endswith("num_batches_tracked")
    }
    model.backbone.bn1.num_batches_tracked.fill_(7)
    load(model, write(tmp_path, old, _use_new_zipfile_serialization=False))
    state = model.backbone.state_dict()
    assert all(torch.equal(state[name], value) for name, value in old.items() if name in state)
    assert state["bn1.num_batches_tracked"] == 7


def test_a_file_without_the_classifier_will_do(model: ReidNet, public: State, tmp_path: Path) -> None:
    load(model, write(tmp_path, {n: v for n, v in public.items() if not n.startswith("fc.")}))


CHANGES: list[tuple[Callable[[State], Any], str]] = [
    (
        lambda s: {n: v for n, v in s.items() if "bn2.bias" not in n},
        "lacks 16 of 318 tensors, such as layer1",
    ),
    (lambda s: s | {"layer5.weight": torch.ones(1)}, "has 1 of 319 tensors, such as layer5.weight, that no"),
    (lambda s: s | {"conv1.weight": torch.ones(64, 1, 7, 7)}, r"\(64, 1, 7, 7\), expected \(64, 3, 7, 7\)"),
    (lambda s: {f"module.{n}": v for n, v in s.items()}, "lacks 265 of 318 tensors, such as conv1.weight"),
    (lambda s: {"state_dict": s, "epoch": 3}, "cannot be read as a state dict"),
    (lambda s: [1, 2], "cannot be read as a state dict"),
    (lambda s: {"x": Path("code")}, "cannot be read as a state dict"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_other_files_are_refused_in_a_sentence_and_leave_the_model_alone(
    model: ReidNet, public: State, tmp_path: Path, change: Callable[[State], Any], words: str
) -> None:
    before = model.backbone.conv1.weight.clone()
    with pytest.raises(DataError, match=words) as refusal:
        load(model, write(tmp_path, change({n: v * 2 for n, v in public.items()})))
    assert "such as resnet50-19c8e357.pth" in str(refusal.value) and "secret" not in str(refusal.value)
    assert refusal.value.__cause__ is None and refusal.value.__context__ is None
    assert torch.equal(model.backbone.conv1.weight, before)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 broken", b"no weights at all"])
def test_files_that_are_none_are_refused(model: ReidNet, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "weights.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read") as refusal:
        load(model, path)
    assert not re.search(re.escape(str(tmp_path)), str(refusal.value))


def test_the_small_backbone_is_refused(public: State, tmp_path: Path) -> None:
    small = build(ReidOptions(), 4, torch.Generator().manual_seed(0))
    with pytest.raises(ConfigError, match="task=reid_resnet50 or leave the weights out"):
        load(small, write(tmp_path, public))
