"""A private step: the gradient of every unit, clipped, summed, hidden in noise, and divided."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from isofed.client.private.draws import Draws, draws
from isofed.client.private.noise import normals
from isofed.client.private.parts import Part, of_samples, parts_of
from isofed.client.private.tape import Tape, Unlike, blank, layers_of
from isofed.client.private.whole import samples_of_model
from isofed.errors import CompositionError, ConfigError
from isofed.protocols.accounts.epsilon import noise_for
from isofed.protocols.local_privacy import LocalPrivacy, Spend
from isofed.seeds import Secrets

SHORTER = 1.0 - 2.0**-16  # of C, more than a length in single precision is off by
WHOLE = "private whole"  # in a workshop, that its model was found to be no chain of layers

Loss = Callable[[Any, Any, Any], Tensor]


@dataclass(eq=False)
class Private:
    """One round of private steps at one site.

    Args:
        choice: C, and how gradients are computed.
        draws: of units.
        noise: z.
        secrets: of the site in this run.
        round, attempt: which; another attempt draws other units and other noise.
        known: of the workshop, what was found of its model.
        asked: a hash of the model that came with the order: another one in the same attempt has other noise,
            or the difference of two replies would be free of any.
        taken, filled: steps so far, and those in which any unit was.
    """

    choice: LocalPrivacy
    draws: Draws
    noise: float
    secrets: Secrets = field(repr=False)
    round: int
    attempt: int
    known: dict[str, Any] = field(repr=False)
    asked: str = ""
    taken: int = 0
    filled: int = 0

    @property
    def spend(self) -> Spend:
        """What all of the round's steps cost."""
        kind = self.draws.unit, "dp-sgd", self.draws.rate, self.noise
        return Spend(*kind, self.draws.steps, self.draws.count)

    def key(self, purpose: str) -> bytes:
        """Return 32 secret bytes for one purpose in this attempt."""
        return self.secrets.derive(self.round, self.attempt, f"dp {self.asked} {purpose}")

    def chance(self, purpose: str) -> np.random.Generator:
        """Return the secret generator of choices: which units, and how they are augmented."""
        return self.secrets.generator(self.round, self.attempt, f"dp {self.asked} {purpose}")

    def seed(self, purpose: str) -> int:
        """Return a secret seed for torch's own generators, which dropout draws from; noise never does."""
        key = self.key(purpose)
        return int.from_bytes(key[:8], "little") % 2**63

    def step(self, model: nn.Module, step: Any, loss: Loss, trained: list[nn.Parameter]) -> Tensor:
        """Leave (Σ_u g_u · min(1, C / ‖g_u‖) + N(0, z² C² I)) / B on the trained parameters; return the loss.

        g_u is the gradient of one unit, of a person the mean over her samples of this step; ‖·‖ is over all
        trained parameters together, and B the units that a step has on average. Noise is added to what no
        unit reaches, too. What is not finite counts as zero.

        Args:
            model: in training mode.
            step: with its ``batch``, None where no unit was drawn, and ``whose``, each row's unit.
            loss: (output, labels, inputs) to the mean loss of these examples.
            trained: parameters, of one dtype and device.

        Source: Abadi et al., Deep Learning with Differential Privacy, 2016, algorithm 1. Differs from it in:
            B is the expected and not the drawn size, as in Opacus; C is shorter by 2**-16 of itself, so
            that no rounding brings a gradient above it.
        """
        flat = torch.zeros(sum(p.numel() for p in trained), dtype=trained[0].dtype, device=trained[0].device)
        at = _views(flat, trained)
        found = torch.zeros((), device=flat.device)
        if step.batch is not None:
            self.filled += 1
            found = self._sum(model, step, loss, trained, at)
        if self.noise:
            key = self.key(f"noise {self.taken}")
            flat.add_(normals(key, len(flat)).mul_(self.noise * self.choice.norm).to(flat))
        flat.div_(self.draws.expected)
        for parameter, slope in at.items():
            parameter.grad = slope
        self.taken += 1
        return found

    @torch.no_grad()
    def _sum(
        self, model: nn.Module, step: Any, loss: Loss, trained: list[nn.Parameter], at: dict[Any, Tensor]
    ) -> Tensor:
        parts, found = self._parts(model, step, loss, trained)
        squares = torch.stack([part.squares for part in parts]).sum(0) if parts else torch.zeros(0)
        factors = (self.choice.norm * SHORTER / squares.sqrt()).clamp(max=1.0)
        for part in parts:
            for parameter, slope in part.sum(factors).items():
                at[parameter].copy_(slope)
        return found

    def _parts(
        self, model: nn.Module, step: Any, loss: Loss, trained: list[nn.Parameter]
    ) -> tuple[list[Part], Tensor]:
        mean = _mean(step.whose, trained[0]) if self.draws.rows else None
        layers = None if WHOLE in self.known else layers_of(model, trained)
        torch.manual_seed(seed := self.seed(f"layers {self.taken}"))
        if layers is not None:
            try:
                return self._by_layer(model, step, loss, layers, mean)
            except Unlike:
                self.known[WHOLE] = True
                torch.manual_seed(seed)
        samples, losses = samples_of_model(model, step.batch, trained, loss)
        parts = [of_samples(samples, mean)]
        if not _finite(parts):
            bad = _lost([of_samples(samples, None)], step.whose)
            samples = {p: blank(each, bad) for p, each in samples.items()}
            parts = [of_samples(samples, mean)]
        return parts, losses.mean()

    def _by_layer(
        self, model: nn.Module, step: Any, loss: Loss, layers: Sequence[nn.Module], mean: Tensor | None
    ) -> tuple[list[Part], Tensor]:
        tape = Tape(tuple(layers), len(step.images))
        with torch.enable_grad(), tape.recording():
            found = loss(model(step.batch.inputs), step.batch.labels, step.batch.inputs)
        tape.rewind(found)
        parts = parts_of(tape, mean, self.choice.ghost)
        if not _finite(parts):
            tape.without(_lost(parts_of(tape, None, self.choice.ghost), step.whose))
            parts = parts_of(tape, mean, self.choice.ghost)
        return parts, found.detach()


def begun(shop: Any, place: Any, order: Any) -> Private:
    """Return a round's private steps at a site.

    The site's z is the least with which all rounds of the run together are (ε, δ)-differentially private for
    each of its units, or what was given.

    Args:
        shop: with ``setting.dp``.
        place: whose samples and secrets.
        order: which round and attempt.

    Raises:
        CompositionError: Opacus finds a layer in the model by which examples meet.
        ConfigError: it is not installed.
    """
    setting = shop.setting
    choice, schedule = setting.dp, setting.recipe.rounds
    _validate(shop)
    epochs = sum(phase.epochs for phase in schedule)
    drawn = draws(setting.task, setting.options, choice.unit, shop.samples(place), epochs)
    noise = choice.noise
    if noise is None:
        steps = max(1, setting.rounds) * drawn.steps
        noise = noise_for(choice.epsilon, choice.delta, drawn.rate, steps, choice.accountant)
    secrets = place.secrets.within(order.run)
    asked = _hash(order)
    return Private(choice, drawn, noise, secrets, order.round, order.attempt, vars(shop), asked)


def _hash(order: Any) -> str:
    """Return a hash of the trees that an order brings."""
    found = hashlib.sha256()
    for name, channel in sorted(order.channels.items()):
        tree = getattr(channel, "tree", None)
        for dtype, buffer in sorted(tree.as_numpy().buffers.items()) if tree else ():
            found.update(f"{name} {dtype} {len(buffer)} ".encode())
            found.update(buffer.tobytes())
    return found.hexdigest()[:32]


def _validate(shop: Any) -> None:
    known = vars(shop)
    if "private model" in known:
        return
    if find_spec("opacus") is None:
        raise ConfigError("training under differential privacy needs Opacus; install isofed[dp] at this site")
    validate = import_module("opacus.validators").ModuleValidator.validate
    for name, layer in shop.model.train().named_modules():
        found = validate(layer) if not any(True for _ in layer.children()) else []
        if found:
            raise CompositionError(
                f"under dp={shop.setting.dp.unit} every example's gradient must be its own, but layer "
                f"'{name}' is a {type(layer).__name__}: {str(found[0]).strip().rstrip('.')}; write "
                "task.norm=group where the task has that option"
            )
    known["private model"] = True


def _views(flat: Tensor, trained: list[nn.Parameter]) -> dict[nn.Parameter, Tensor]:
    """Return each parameter's place in a flat vector of all."""
    ends = list(accumulate(parameter.numel() for parameter in trained))
    return {p: flat[end - p.numel() : end].view_as(p) for p, end in zip(trained, ends, strict=True)}


def _mean(whose: np.ndarray, like: Tensor) -> Tensor:
    """Return (u, n): row u has 1 / n_u at the samples of unit u."""
    rows = torch.zeros(int(whose[-1]) + 1, len(whose), dtype=like.dtype, device=like.device)
    counts = np.bincount(whose)
    rows[whose, np.arange(len(whose))] = torch.from_numpy(1.0 / counts[whose]).to(rows)
    return rows


def _finite(parts: Sequence[Part]) -> bool:
    return all(bool(torch.isfinite(part.squares).all()) for part in parts)


def _lost(parts: Sequence[Part], whose: np.ndarray) -> Tensor:
    """Return (n,) bool, the samples of units of which one sample's gradient is not finite."""
    bad = ~torch.stack([torch.isfinite(part.squares) for part in parts]).all(0).cpu().numpy()
    lost: Tensor = torch.from_numpy(np.isin(whose, whose[bad])).to(parts[0].squares.device)
    return lost
