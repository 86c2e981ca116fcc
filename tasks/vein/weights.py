"""Pre-trained weights of a backbone, from a file that is there: a state dict, or a run's checkpoint."""

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from isofed.errors import CheckpointError, DataError
from isofed.files import MAGIC, load_state
from isofed.tasks.vein.model import HEAD_PREFIXES, VeinNet
from isofed.trees import Tree

BACKBONE = "backbone."
COUNTER = "num_batches_tracked"
WANTED = "give a state dict of the backbone that task.backbone names, or a checkpoint of a run with the same"
SHOWN = 3
UNREADABLE = (
    OSError,
    RuntimeError,
    ValueError,
    LookupError,
    EOFError,
    pickle.UnpicklingError,
    CheckpointError,
)


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
    found = _read(path)
    if found is None:
        raise DataError(f"the file of weights cannot be read as a state dict of tensors; {WANTED}")
    chosen = {n.removeprefix(BACKBONE): v for n, v in found.items() if not n.startswith(HEAD_PREFIXES)}
    _check(chosen, model.backbone.state_dict())
    model.backbone.load_state_dict(chosen, strict=False)


def _read(path: Path) -> Mapping[str, Tensor] | None:
    try:
        with path.open("rb") as file:
            ours = file.read(len(MAGIC)) == MAGIC
        found: Any = _checkpoint(path) if ours else torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE:
        return None
    if not isinstance(found, Mapping):
        return None
    tensors = all(isinstance(n, str) and isinstance(v, Tensor) for n, v in found.items())
    return found if tensors else None


def _checkpoint(path: Path) -> dict[str, Tensor]:
    """Return the model and its statistics as the server held them after a round."""
    _, state = load_state(path, "the file of weights")
    trees = (tree for name, tree in state.items() if name in ("t/model", "t/buffers"))
    return {n: torch.from_numpy(a.copy()) for t in trees if isinstance(t, Tree) for n, a in t.items()}


def _check(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    missing = [name for name in wanted if name not in found and not name.endswith(COUNTER)]
    unknown = [name for name in found if name not in wanted]
    if missing:
        raise DataError(f"the file of weights lacks {_some(missing, len(wanted))}; {WANTED}")
    if unknown:
        raise DataError(f"the file of weights has {_some(unknown, len(found))} unknown here; {WANTED}")
    for name, value in found.items():
        if value.shape != wanted[name].shape:
            raise DataError(
                f"in the file of weights '{name}' has the shape {tuple(value.shape)}, expected "
                f"{tuple(wanted[name].shape)}; {WANTED}"
            )


def _some(names: Iterable[str], of: int) -> str:
    listed = list(names)
    return f"{len(listed)} of {of} tensors, such as {', '.join(listed[:SHOWN])},"
