"""The magnifier that sites remember their clips by: public, frozen, from a file or from a seed."""

import hashlib
from pathlib import Path

import torch

from isofed.seeds import public_key
from isofed.tasks.action_units.magnifier import Magnifier
from isofed.tasks.pretrained import put, tensors

WANTED = "give a file that the command for training a magnifier wrote, or leave task.magnifier empty"


def magnifier(file: str = "", seed: int = 0) -> Magnifier:
    """Return the frozen magnifier, in evaluation mode.

    Args:
        file: a state dict of it; empty for weights that follow from ``seed`` alone, He-normal: they find no
            motion of a size in particular, but nothing where nothing moves.
        seed: public, the same at all sites.

    Raises:
        DataError: the file is no state dict of a magnifier.
    """
    if file:
        found = Magnifier()
        put(found, tensors(Path(file), WANTED), "that a magnifier does not have", WANTED)
    else:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(public_key(seed, 0, "", "magnifier") % 2**63)
            found = Magnifier()
            for weight in found.parameters():
                torch.nn.init.kaiming_normal_(weight)
    return found.eval().requires_grad_(False)


def digest(found: Magnifier) -> str:
    """Return what its weights are known by, 32 hexadecimal digits."""
    hashed = hashlib.blake2b(digest_size=16)
    for name, weight in found.state_dict().items():
        hashed.update(name.encode() + weight.numpy().tobytes())
    return hashed.hexdigest()


def told(file: str = "") -> str:
    """Return what a report says of the magnifier; no path."""
    return "trained, from a file" if file else "not trained: weights from a seed"
