"""Weights come from a state dict, of backbone or whole, or from a checkpoint; all else is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isofed.errors import DataError
from isofed.files import save_state
from isofed.tasks.vein import model
from isofed.tasks.vein.weights import load
from isofed.trees import from_arrays


def made(seed: int, name: str = "tiny") -> model.VeinNet:
    return model.build(name, 3, torch.Generator().manual_seed(seed))


def state(net: model.VeinNet) -> dict[str, Any]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def checkpoint(path: Path, net: model.VeinNet) -> None:
    """Write what the server of a run has after a round."""
    parameters = {
        name: value.detach().numpy() for name, value in net.named_parameters() if "head" not in name
    }
    buffers = {name: value.numpy() for name, value in net.named_buffers()}
    trees = {"t/model": from_arrays(parameters), "t/buffers": from_arrays(buffers)}
    stale = from_arrays({name: np.zeros_like(value) for name, value in parameters.items()})
    save_state(path, {}, {**trees, "o/momentum": stale, "t/model#3": stale})


@pytest.mark.parametrize("kind", ["backbone", "whole", "checkpoint"])
def test_the_backbone_is_the_files_and_the_head_stays(tmp_path: Path, kind: str) -> None:
    source, net, path = made(1), made(2), tmp_path / "weights"
    source.train()(torch.rand(4, 1, 32, 96))  # statistics of its own
    if kind == "checkpoint":
        checkpoint(path, source)
    else:
        torch.save(source.backbone.state_dict() if kind == "backbone" else source.state_dict(), path)
    head, wanted = net.head.weight.clone(), state(source)
    load(net, path)
    found = state(net)
    assert torch.equal(found["head.weight"], head) and not torch.equal(head, wanted["head.weight"])
    assert all(torch.equal(found[name], wanted[name]) for name in found if name.startswith("backbone."))


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("text", "cannot be read as a state dict of tensors"),
        ("code", "cannot be read as a state dict of tensors"),
        ("list", "cannot be read as a state dict of tensors"),
        ("damaged", "cannot be read as a state dict of tensors"),
        ("other", "lacks .* of .* tensors, such as"),
        ("more", "has 1 of .* tensors, such as x, unknown here"),
        ("shape", "has the shape"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changes(tmp_path: Path, what: str, sentence: str) -> None:
    net, path = made(2), tmp_path / "secret-name"
    given = state(made(1))
    if what == "text":
        path.write_text("weights")
    elif what == "code":
        torch.save(made(1), path)
    elif what == "list":
        torch.save([1, 2], path)
    elif what == "damaged":
        checkpoint(path, made(1))
        path.write_bytes(path.read_bytes()[:-4] + b"none")
    elif what == "other":
        torch.save(state(made(1, "small")), path)
    elif what == "more":
        torch.save(given | {"x": torch.zeros(1)}, path)
    else:
        name = "backbone.embed.weight"
        torch.save(given | {name: given[name][:1]}, path)
    before = state(net)
    with pytest.raises(DataError, match=sentence) as error:
        load(net, path)
    assert "secret-name" not in str(error.value)
    assert all(torch.equal(before[name], value) for name, value in state(net).items())
