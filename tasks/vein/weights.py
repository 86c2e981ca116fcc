"""Pre-trained weights of a backbone, from a file that is there: a state dict, or a run's checkpoint."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from isofed.files import MAGIC, load_state
from isofed.tasks.pretrained import put, state_dict, tensors
from isofed.tasks.vein.model import BACKBONE, HEAD_PREFIXES, VeinNet
from isofed.trees import Tree

WANTED = "give a state dict of the backbone that task.backbone names, or a checkpoint of a run with the same"


def load(model: VeinNet, path: Path) -> None:
    """Copy pre-trained weights into the model's backbone; the head stays as it is.

    Nothing is fetched. A file of torch's is read as tensors alone: it cannot run code.

    Args:
        model: changed in place, views of flat storage included.
        path: a state dict of the backbone, or of the whole network, whose head is passed over; or the
            checkpoint of a run on this task, ``checkpoints/round_000020.ckpt`` in its folder.

    Raises:
        DataError: the file cannot be read, or its names or shapes are not the backbone's; nothing was changed
            then, and no path is told.
    """
    found = tensors(path, WANTED, _opened)
    chosen = {n.removeprefix(BACKBONE): v for n, v in found.items() if not n.startswith(HEAD_PREFIXES)}
    put(model.backbone, chosen, "unknown here", WANTED)


def _opened(path: Path) -> Any:
    with path.open("rb") as file:
        ours = file.read(len(MAGIC)) == MAGIC
    return _checkpoint(path) if ours else state_dict(path)


def _checkpoint(path: Path) -> dict[str, Tensor]:
    """Return the model and its statistics as the server held them after a round."""
    _, state = load_state(path, "the file of weights")
    trees = (tree for name, tree in state.items() if name in ("t/model", "t/buffers"))
    return {n: torch.from_numpy(a.copy()) for t in trees if isinstance(t, Tree) for n, a in t.items()}
