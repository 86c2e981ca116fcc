"""Training of the magnifier: Adam on synthetic pairs, the same whether it was stopped in between or not."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from isofed.config import within
from isofed.errors import CheckpointError, ConfigError
from isofed.files import atomic
from isofed.seeds import public, public_key
from isofed.tasks.action_units.magnifier import Magnifier
from isofed.tasks.action_units.magnify_pairs import Floats, Pairs, pairs, stills
from isofed.tasks.pretrained import UNREADABLE, state_dict

KEPT = 50  # steps between two states on disk
LONGEST = 1.0  # of a gradient
HELD = 32  # pairs that the magnifier is measured on
Heard = Callable[[int, int, float], None]  # steps done, all of them, the loss


@dataclass(frozen=True)
class Magnify:
    """How the magnifier is trained.

    Source: Oh et al., "Learning-based Video Motion Magnification", ECCV 2018: size 384, batch 4, rate 1e-4.
    Differs from the paper in: the small sizes of a minute's training; a rate that falls to zero in a straight
    line and a gradient no longer than 1, for a short training's sake; no texture term, because the variant
    has no texture.

    Args:
        steps: of Adam, 1 to 1,000,000.
        size: of a picture's side, pixels, 16 to 512, even.
        batch: pairs of a step, 1 to 1024.
        rate: of Adam's first step, above 0, at most 1.
        shape: weight of the shape term, 0 to 100.
        noise: greatest strength of the frames' noise, 0 to 1.
        seed: any whole number from 0.
        threads: of PyTorch, 0 to 256, 0 as it likes; another number gives other last bits.

    Raises:
        ConfigError: a number outside its range.
    """

    steps: int = 1000
    size: int = 32
    batch: int = 4
    rate: float = 1e-3
    shape: float = 1.0
    noise: float = 0.3
    seed: int = 0
    threads: int = 0

    def __post_init__(self) -> None:
        for name, most in (("steps", 1_000_000), ("batch", 1024)):
            within(name, getattr(self, name), 1, most)
        for name, most in (("shape", 100), ("noise", 1), ("seed", 2**31), ("threads", 256)):
            within(name, getattr(self, name), 0, most)
        within("size", self.size, 16, 512)
        within("rate", self.rate, 1e-9, 1)
        if self.size % 2:
            raise ConfigError(f"'size' is {self.size}, but must be even: the encoder halves it")


@dataclass(frozen=True)
class Quality:
    """What a magnifier makes of pairs that it was not trained on, mean absolute errors in -1 to 1.

    Attributes:
        error: |Ŷ - Y|.
        rebuilt: |decoder(E(B)) - Y|, what the same network gives without magnification.
        unmoved: |B - Y|, what leaving the frame as it is would cost: a network must rebuild well to be below.
    """

    error: float
    rebuilt: float
    unmoved: float


def loss(model: Magnifier, drawn: Pairs, shape: float) -> torch.Tensor:
    """Return mean |Ŷ - Y| + shape mean |E(C) - E(B)|, Ŷ = decoder(E(B) + D(A, B, f)).

    Args:
        model: in any mode.
        drawn: B pairs.
        shape: weight of the second term: colours are no motion.

    Source: Oh et al., 2018, equations 4 and 5 without their texture terms.
    """
    a, b, c = model.latent(torch.cat([drawn.a, drawn.b, drawn.c])).chunk(3)
    made = model.decoder(b + model.moved(a, b, drawn.factor))
    return F.l1_loss(made, drawn.y) + shape * F.l1_loss(c, b)


def train(options: Magnify, out: Path, heard: Heard | None = None) -> Quality:
    """Train a magnifier and write its state dict, or continue where a process was stopped.

    Args:
        options: the same as before where a part is done already.
        out: the file to make, whole or not at all; beside it lies ``out``.training until it is.
        heard: told after each step.

    Returns:
        how well it does on pairs that were held back.

    Raises:
        ConfigError: ``out`` is there already.
        CheckpointError: what was begun was begun with other options, or is damaged.
    """
    if out.exists():
        raise ConfigError(f"'{out}' is there already; name another file, or remove it")
    drawn = stills(options.seed, 2 * options.size + 16)
    beside = out.with_name(f"{out.name}.training")
    model, optimiser, done = _begun(options, beside)
    for step in range(done, options.steps):
        for group in optimiser.param_groups:
            group["lr"] = options.rate * (1 - step / options.steps)
        value = _step(model, optimiser, _batch(drawn, options, step), options.shape)
        if heard is not None:
            heard(step + 1, options.steps, value)
        if (step + 1) % KEPT == 0:
            _keep(beside, options, step + 1, model, optimiser)
    found = quality(model.eval(), options)
    with atomic(out) as file:
        torch.save(model.state_dict(), file)
    beside.unlink(missing_ok=True)
    return found


def _batch(drawn: Floats, options: Magnify, step: int) -> Pairs:
    rng = public(options.seed, step, "", "pairs to magnify")
    return pairs(drawn, options.size, options.batch, options.noise, rng)


def _step(model: Magnifier, optimiser: torch.optim.Optimizer, drawn: Pairs, shape: float) -> float:
    value = loss(model, drawn, shape)
    optimiser.zero_grad()
    value.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), LONGEST)
    optimiser.step()
    return float(value.detach())


@torch.no_grad()
def quality(model: Magnifier, options: Magnify) -> Quality:
    """Measure a magnifier on pairs of other pictures, without noise."""
    drawn = stills(options.seed + 1, 2 * options.size + 16)
    held = pairs(drawn, options.size, HELD, 0.0, public(options.seed, 0, "", "pairs held back"))
    # a factor of 1 leaves nothing of the motion since A
    made, rebuilt = model(held.a, held.b, held.factor), model(held.a, held.b, 1.0)
    return Quality(*(float(F.l1_loss(frames, held.y)) for frames in (made, rebuilt, held.b)))


def _begun(options: Magnify, place: Path) -> tuple[Magnifier, torch.optim.Adam, int]:
    """Return the magnifier, its optimiser and how many steps are done."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(public_key(options.seed, 0, "", "magnifier to train") % 2**63)
        model = Magnifier()
    optimiser = torch.optim.Adam(model.parameters(), options.rate)
    if not place.exists():
        return model, optimiser, 0
    found = _read(place)
    mine = asdict(options)
    if other := sorted(name for name in mine if found["options"].get(name) != mine[name]):
        raise CheckpointError(
            f"'{place}' was begun with other options ({', '.join(other)}); write them as they were to "
            "continue, or remove it"
        )
    model.load_state_dict(found["model"])
    optimiser.load_state_dict(found["optimiser"])
    return model, optimiser, int(found["step"])


def _read(place: Path) -> Any:
    try:
        found = state_dict(place)
        if {"options", "model", "optimiser", "step"} <= set(found):
            return found
    except (*UNREADABLE, TypeError):
        pass
    raise CheckpointError(f"'{place}' is damaged; remove it to start anew") from None


def _keep(place: Path, options: Magnify, step: int, model: Magnifier, optimiser: torch.optim.Adam) -> None:
    state = {"options": asdict(options), "step": step, "model": model.state_dict()}
    with atomic(place) as file:
        torch.save({**state, "optimiser": optimiser.state_dict()}, file)
