"""Mixed arithmetic on a CPU: it trains, remembers its scale, and adds to true gradients alone."""

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cases import World
from test_equivalences import final, weights

from isofed.client import precision as precisions
from isofed.client.memory import Memory
from isofed.client.precision import Precision
from isofed.client.workshop import Workshop
from isofed.errors import ConfigError
from isofed.files import load_state
from isofed.simulations.federation import run
from isofed.simulations.pool import Pool
from isofed.trees import Tree, from_arrays

pytestmark = pytest.mark.usefixtures("kept_reports")

Worlds = Callable[[str], World]
FEDAVG: Mapping[str, Any] = {"name": "fedavg"}
SITES = ("cam1", "cam4")
mixed = pytest.mark.parametrize("precision", ["bf16", "fp16"])


@pytest.fixture
def _gentle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with a scale at which nothing overflows; from the usual one it falls in the first steps."""
    monkeypatch.setattr(torch.amp, "GradScaler", functools.partial(torch.amp.GradScaler, init_scale=64.0))


def leaves(federation: Any) -> dict[str, np.ndarray]:
    return {name: array for tree in final(federation).trees.values() for name, array in tree.items()}


@mixed
@pytest.mark.usefixtures("_gentle")
@pytest.mark.parametrize("strategy", ["fedavg", "dppt", "moon", "fedprox"])
def test_a_tiny_model_trains(precision: str, strategy: str, worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("reid")
    federation = world.federation(tmp_path / "a", {"name": strategy}, SITES, precision=precision)
    entry = run(federation, Pool(1))["history"][-1]
    assert all(np.isfinite(loss) for loss in entry["loss"].values())
    found = leaves(federation)
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32), np.dtype(np.int64)}
    single = world.federation(tmp_path / "b", {"name": strategy}, SITES)
    other = run(single, Pool(1))["history"][-1]
    # the same training, in another arithmetic
    assert not np.array_equal(found["head.weight"], leaves(single)["head.weight"])
    for site in SITES:
        assert entry["loss"][site] == pytest.approx(other["loss"][site], rel=0.1)


@mixed
@pytest.mark.parametrize("event, number", [("round_done", 1), ("reply", 2)])
def test_a_run_cut_short_ends_with_the_same_bits(
    precision: str, event: str, number: int, worlds: Worlds, tmp_path: Path
) -> None:
    world = worlds("reid")
    whole = world.federation(tmp_path / "a", FEDAVG, SITES, 3, precision=precision)

    def kill(name: str, **fields: Any) -> None:
        if name == event and fields["round"] == number:
            raise KeyboardInterrupt

    cut = world.federation(tmp_path / "b", FEDAVG, SITES, 3, precision=precision)
    with pytest.raises(KeyboardInterrupt):
        run(cut, Pool(1), kill)
    assert weights(cut) == weights(whole)
    sections = Memory(cut.memory("cam1")).load("3.1")
    assert ("scaler" in sections) == (precision == "fp16")


def of(shop: Workshop, **saved: float) -> Precision:
    memory = (
        {"scaler": from_arrays({name: np.array(value) for name, value in saved.items()})} if saved else {}
    )
    return Precision.of(shop, memory)


@pytest.fixture
def half(worlds: Worlds) -> Workshop:
    """A workshop that computes in fp16."""
    return Workshop.of(json.dumps(worlds("reid").cfg(FEDAVG, precision="fp16")))


def test_the_scalers_state_goes_on(half: Workshop) -> None:
    first = of(half).sections()["scaler"]
    assert float(first["scale"]) == 65536 and int(first["_growth_tracker"]) == 0
    saved = {name: array.item() for name, array in first.items()} | {"scale": 512.0, "_growth_tracker": 7}
    again = of(half, **saved)
    assert again.scaler.get_scale() == 512.0
    found = again.sections()["scaler"]
    assert isinstance(found, Tree) and {name: a.item() for name, a in found.items()} == saved
    # its first use carries it into the tensors it computes with
    again.backward(half.model.head.weight.sum(), [half.model.head.weight])
    assert again.step()
    assert {name: a.item() for name, a in again.sections()["scaler"].items()} == saved | {
        "_growth_tracker": 8
    }


def test_a_step_that_overflows_is_left_out_and_the_scale_falls(half: Workshop) -> None:
    one, weight = of(half), half.model.head.weight
    before = weight.detach().clone()
    one.backward((weight * float("inf")).sum(), [weight])
    assert not one.step()
    assert torch.equal(weight, before) and one.scaler.get_scale() == 32768
    one.backward(weight.sum(), [weight])
    assert one.step() and not torch.equal(weight, before)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_others_remember_nothing(precision: str, worlds: Worlds) -> None:
    shop = Workshop.of(json.dumps(worlds("reid").cfg(FEDAVG, precision=precision)))
    assert of(shop).sections() == {} and of(shop).scaler is None


def test_gradients_are_true_after_backward(half: Workshop) -> None:
    one, weight = of(half), half.model.head.weight
    one.backward((weight * 3).sum(), [weight])
    assert torch.equal(weight.grad, torch.full_like(weight, 3.0))


@pytest.mark.usefixtures("_gentle")
def test_the_proximal_pull_is_not_scaled(worlds: Worlds, tmp_path: Path) -> None:
    """With a large mu a pull that was scaled by 65536, or divided by it, would end far away."""
    world = worlds("reid")
    ended = {}
    for precision in ("float32", "fp16"):
        for mu in (0.0, 5.0):
            federation = world.federation(
                tmp_path / f"{precision}{mu}",
                {"name": "fedprox", "mu": mu},
                ("cam1",),
                2,
                precision=precision,
            )
            run(federation, Pool(1))
            ended[precision, mu] = np.concatenate(
                [a.ravel() for name, a in leaves(federation).items() if name.endswith("weight")]
            )

    def apart(one: tuple[str, float], other: tuple[str, float]) -> float:
        return float(np.linalg.norm(ended[one] - ended[other]))

    effect = apart(("float32", 0.0), ("float32", 5.0))
    assert apart(("fp16", 5.0), ("float32", 5.0)) < 0.25 * effect
    assert apart(("fp16", 0.0), ("fp16", 5.0)) == pytest.approx(effect, rel=0.1)


@pytest.mark.usefixtures("_gentle")
def test_fednova_does_not_count_a_step_that_was_left_out(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, numbers = worlds("reid"), []
    options = {"precision": "fp16", "keep_momentum": False, "momentum": 0.0, "warmup": 0.0}
    for overflows in (0, 2):
        left = [overflows]
        plain = precisions.Precision.backward

        def backward(
            self: Precision, loss: Any, trained: Any, left: list[int] = left, plain: Any = plain
        ) -> None:
            worse, left[0] = left[0] > 0, left[0] - 1
            plain(self, loss * float("inf") if worse else loss, trained)

        with monkeypatch.context() as patch:
            patch.setattr(precisions.Precision, "backward", backward)
            federation = world.federation(
                tmp_path / str(overflows), {"name": "fednova"}, ("cam1",), 1, **options
            )
            run(federation, Pool(1))
        stored = json.loads((federation.folder / "result.json").read_text())["history"][-1]
        assert stored["steps"] == {"cam1": 5}
        report = Memory(federation.memory("cam1"))
        numbers.append(_scalars(report)["normaliser"])
    # a line down to zero in five steps: 1, .8, .6, .4, .2 of the peak, and without the first two
    assert numbers[0] - numbers[1] == pytest.approx(1.8)


def _scalars(memory: Memory) -> Mapping[str, float]:
    meta, _ = load_state(memory.folder / "1.1.state", "the version")
    found: Mapping[str, float] = meta["scalars"]
    return found


def test_another_precision_is_refused(worlds: Worlds) -> None:
    with pytest.raises(ConfigError, match="unknown precision 'fp8'"):
        Workshop.of(json.dumps(worlds("reid").cfg(FEDAVG, precision="fp8")))
