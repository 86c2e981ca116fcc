"""A round's steps at one site: batches, phases, rates, local terms."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from isofed import seeds
from isofed.client.place import Place
from isofed.client.precision import Precision
from isofed.client.private.step import Private
from isofed.client.traced_step import Steps, can_be
from isofed.client.workshop import Workshop
from isofed.errors import CompositionError
from isofed.records import Order
from isofed.spans import BACKWARD, DATA, FORWARD, UPDATE, span
from isofed.strategies.recipe import LocalTerm, Phase, Seen

TRAIN = "train"


@dataclass(frozen=True)
class Epoch:
    """What a round's steps came to: how many, images in each, the mean loss, and by phase the factors on the
    rates of the steps that were taken."""

    steps: int
    batch: int
    factors: Mapping[Phase, list[float]]
    loss: float


@dataclass(frozen=True)
class Step:
    """One step to take: in which phase, how much of the round is done, the images' rows, the batch, and under
    differential privacy whose each image is; then there may be no image, and no batch."""

    phase: Phase
    done: float
    images: Any
    batch: Any
    whose: Any = None


def each(shop: Workshop, states: list[Any]) -> Iterator[tuple[LocalTerm, Any]]:
    """Yield the recipe's local terms with their states of this round; without states none is at work."""
    return zip(shop.setting.recipe.local if states else (), states, strict=True)


def steps_of(
    shop: Workshop, place: Place, order: Order, when: str = TRAIN, private: Private | None = None
) -> Iterator[Step]:
    """Yield the round's steps, phase by phase, or those that a site takes before it uses the model.

    Args:
        shop, place, order: whose, and which round's.
        when: ``train``, or ``evaluate``.
        private: draws units at random instead.
    """
    if private is not None:
        yield from _private_steps(shop, place, private)
        return
    setting, training, samples = shop.setting, shop.setting.task.training, shop.samples(place)
    purpose = "" if when == TRAIN else f" to {when}"
    draw = seeds.public(setting.seed, order.round, place.site, f"batches{purpose}")
    change = seeds.public(setting.seed, order.round, place.site, f"augmentation{purpose}")
    with span(DATA, "sample"):
        drawn = [
            (phase, images)
            for phase in setting.recipe.schedule
            if phase.when == when
            for _ in range(phase.epochs)
            for images in _some(training.sample(samples, setting.options, draw), setting, order, place, when)
        ]
    total, taken = sum(phase.repeats for phase, _ in drawn), 0
    for phase, images in drawn:
        with span(DATA, "transform"):
            batch = training.transform(samples, images, setting.options, change, shop.device)
        for _ in range(phase.repeats):
            yield Step(phase, taken / total, images, batch)
            taken += 1


def _some(batches: Any, setting: Any, order: Order, place: Place, when: str) -> Any:
    """Return those of an epoch's batches that the site trains on in this round: the first ones."""
    if setting.clients is None or when != TRAIN:
        return batches
    return batches[: setting.clients.taken(setting.seed, order.round, place.site, len(batches))]


def _private_steps(shop: Workshop, place: Place, private: Private) -> Iterator[Step]:
    setting, samples = shop.setting, shop.samples(place)
    draw, change = private.chance("units"), private.chance("augmentation")
    phases = [phase for phase in setting.recipe.rounds for _ in range(phase.epochs)]
    each = private.draws.steps // len(phases)
    for taken in range(private.draws.steps):
        with span(DATA, "sample"):
            images, whose = private.draws.step(draw)
        with span(DATA, "transform"):
            batch = (
                setting.task.training.transform(samples, images, setting.options, change, shop.device)
                if len(images)
                else None
            )
        yield Step(phases[taken // each], taken / private.draws.steps, images, batch, whose)


def run_epoch(
    shop: Workshop,
    place: Place,
    order: Order,
    states: list[Any],
    precision: Precision,
    when: str = TRAIN,
    private: Private | None = None,
) -> Epoch:
    """Take the round's steps, or those before use, at the rates of the round that was."""
    total: torch.Tensor | None = None
    steps = size = 0
    factors: dict[Phase, list[float]] = {}
    now: Phase | None = None
    trained: list[torch.Tensor] = []
    still, traced = held(shop, order), place.traced and can_be(shop, precision)
    listed: Steps | None = None
    shop.train()
    for step in steps_of(shop, place, order, when, private):
        if step.phase is not now:
            now = step.phase
            trained = select(shop, now, still)
            listed = Steps.of(shop, trained) if traced else None
        factor = _set_rate(shop, max(order.round, 1) - 1 + step.done)
        loss, stepped = _step(shop, step, states, precision, trained, private, listed)
        total = loss.to(torch.float32, copy=True) if total is None else total.add_(loss)
        factors.setdefault(now, []).extend([factor] if stepped else [])
        steps, size = steps + 1, private.draws.expected if private else len(step.images)
    assert total is not None  # a task's sampler yields at least one batch
    return Epoch(steps, size, factors, float(total) / max(1, private.filled if private else steps))


def held(shop: Workshop, order: Order) -> tuple[str, ...]:
    """Return the prefixes of the parameters that the task does not train in a round."""
    return shop.setting.task.training.held(max(order.round, 1), shop.setting.options)


def select(shop: Workshop, phase: Phase, still: tuple[str, ...] = ()) -> list[torch.Tensor]:
    """Let gradients flow to what a phase trains, which is returned, and to nothing else.

    Args:
        shop: whose parameters.
        phase: of the round.
        still: prefixes of those that the task does not train in it.

    Raises:
        CompositionError: it trains nothing.
    """
    head, trained = shop.setting.task.head, list[torch.Tensor]()
    for name, parameter in shop.parameters.items():
        inside = phase.trains == "all" or name.startswith(head) == (phase.trains == "head")
        flows = inside and name not in shop.frozen and not name.startswith(still)
        parameter.requires_grad_(flows)
        if flows:
            trained.append(parameter)
        else:
            parameter.grad = None
    if not trained:
        raise CompositionError(
            f"a phase of strategy '{shop.setting.recipe.call}' trains the model's {phase.trains}, all of "
            "which is frozen; leave the phase out, or train that part"
        )
    return trained


def reach(
    shop: Workshop, factors: Mapping[Phase, list[float]], still: tuple[str, ...] = ()
) -> dict[str, float]:
    """Return each parameter's learning rates, summed over the steps that trained it."""
    reach = dict.fromkeys(shop.parameters, 0.0)
    for phase, taken in factors.items():
        select(shop, phase, still)
        for name, peak in _rates(shop, shop.peaks).items():
            reach[name] += peak * sum(taken)
    return reach


def _rates(shop: Workshop, rates: Iterable[float]) -> dict[str, float]:
    """Return the rate of each parameter that is trained now, from one rate a group of the optimiser."""
    names = {id(parameter): name for name, parameter in shop.parameters.items()}
    return {
        names[id(parameter)]: rate
        for group, rate in zip(shop.optimiser.param_groups, rates, strict=True)
        for parameter in group["params"]
        if parameter.requires_grad
    }


def _set_rate(shop: Workshop, done: float) -> float:
    factor = float(shop.setting.task.training.rate(done, shop.setting.rounds, shop.setting.options))
    for group, peak in zip(shop.optimiser.param_groups, shop.peaks, strict=True):
        group["lr"] = peak * factor
    return factor


def _step(
    shop: Workshop,
    step: Step,
    states: list[Any],
    precision: Precision,
    trained: list[Any],
    private: Private | None = None,
    listed: Steps | None = None,
) -> tuple[torch.Tensor, bool]:
    """Take a step; return the batch's loss, and whether the step was not left out."""
    if private is not None:
        return _private_step(shop, step, states, precision, trained, private)
    if listed and (found := listed.taken(step.batch)):
        return found[0], _put(shop, found[1], states, precision, trained)
    with span(FORWARD):
        with precision.arithmetic():
            output = shop.model(step.batch.inputs)
        seen = Seen(output, step.batch.labels, step.images, step.batch.inputs)
        # losses stay in single precision: under bf16 the circle loss's gradient would be off by a tenth
        loss = _loss(shop, seen, states)
    with span(BACKWARD):
        precision.backward(loss, trained)
    with span(UPDATE):
        _drift(shop, states)
        taken = precision.step()
        for term, state in each(shop, states):
            if term.stepped and taken:
                rates = [group["lr"] for group in shop.optimiser.param_groups]
                term.stepped(state, seen, _rates(shop, rates))
        for parameter in trained:
            parameter.grad = None  # or it would lie beside the next step's
    return loss.detach(), taken


def _put(
    shop: Workshop, gradients: Sequence[Any], states: list[Any], precision: Precision, trained: list[Any]
) -> bool:
    """Step along gradients that are there; return whether the step was not left out."""
    with span(UPDATE):
        if precision.direct:
            precision.along(gradients, trained)
            return True
        precision.put(gradients, trained)
        _drift(shop, states)
        stepped = precision.step()
        for parameter in trained:
            parameter.grad = None
    return stepped


def _private_step(
    shop: Workshop,
    step: Step,
    states: list[Any],
    precision: Precision,
    trained: list[Any],
    private: Private,
) -> tuple[torch.Tensor, bool]:
    """Take a step whose gradient is private; what terms add of the parameters alone comes after the noise."""

    def loss(output: Any, labels: Any, inputs: Any) -> torch.Tensor:
        return _loss(shop, Seen(output, labels, step.images, inputs), states)

    with span(BACKWARD):
        found = private.step(shop.model, step, loss, trained)
    with span(UPDATE):
        _drift(shop, states)
        taken = precision.step()
        for parameter in trained:
            parameter.grad = None
    return found, taken


def _loss(shop: Workshop, seen: Seen, states: list[Any]) -> torch.Tensor:
    setting = shop.setting
    loss: torch.Tensor = setting.task.training.loss(seen.output, seen.labels, setting.options)
    for term, state in each(shop, states):
        extra = term.loss(state, seen) if term.loss else None
        loss = loss if extra is None else loss + extra
    return loss


def _drift(shop: Workshop, states: list[Any]) -> None:
    for term, state in each(shop, states):
        if term.drift:
            parameters = shop.parameters
            pushes = {
                n: p for n, p in term.drift(state, dict(parameters)).items() if parameters[n].requires_grad
            }
            gradients: list[Any] = []
            for name in pushes:
                if parameters[name].grad is None:  # the batch did not reach it
                    parameters[name].grad = torch.zeros_like(parameters[name])
                gradients.append(parameters[name].grad)
            if pushes:
                torch._foreach_add_(gradients, list(pushes.values()))
