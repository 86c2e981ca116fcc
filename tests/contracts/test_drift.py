"""Sites with different quadratic losses: who removes client drift, who does not, and by how much."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from isofed.client.memory import Memory
from isofed.seeds import public
from isofed.server.state import Checkpoints
from isofed.simulations.federation import Federation, first_state, run
from isofed.simulations.pool import Pool
from isofed.strategies.named import STRATEGIES
from isofed.tasks import TASKS
from isofed.tasks.task import Batch, DataLayout, Samples, Site, Task, Training

SITES, DIMENSIONS, STEPS, RATE = 6, 3, 10, 0.05


@dataclass(frozen=True)
class Options:
    """Of the quadratic task."""

    classes: int = 0
    momentum: float = 0.0
    rate: float = RATE
    uneven: bool = False


@dataclass(frozen=True)
class Point:
    """What the model says: where it is, and where the batch would have it."""

    place: Tensor
    wanted: Tensor


class Place(nn.Module):
    """One vector that is trained."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(DIMENSIONS, dtype=torch.float64))

    def forward(self, inputs: Tensor) -> Point:
        """Return w beside the batch: (B, 2 D), a centre and a curvature each."""
        return Point(self.w, inputs)


def site_data(site: str) -> np.ndarray:
    """A site's centre and curvatures."""
    rng = public(0, 0, site, "quadratic")
    return np.concatenate([rng.normal(0, 2, DIMENSIONS), rng.uniform(0.2, 3.0, DIMENSIONS)])[None]


def optimum() -> np.ndarray:
    """Where the mean of all sites' losses is least."""
    data = np.concatenate([site_data(f"s{n}") for n in range(SITES)])
    centres, curves = data[:, :DIMENSIONS], data[:, DIMENSIONS:]
    return np.asarray((centres * curves).sum(0) / curves.sum(0))


def steps(samples: Samples, options: Options, rng: Any) -> np.ndarray:
    """Return the same one sample in every step; with uneven work, some sites take more of them."""
    count = 3 ** (int(samples.labels[0]) % 3) if options.uneven else STEPS
    return np.zeros((count, 1), np.int64)


def loss(output: Point, labels: Tensor, options: Options) -> Tensor:
    """Half the squared distance to the centre, weighted by the curvature."""
    centre, curve = output.wanted[0, :DIMENSIONS], output.wanted[0, DIMENSIONS:]
    return 0.5 * (curve * (output.place - centre) ** 2).sum()


LAYOUT = DataLayout(
    name="quadratic",
    summary="one number a site",
    options=Options,
    make=lambda *a: None,
    check=lambda *a: [],
    resolve=lambda root, options: {"classes": SITES},
    sites=lambda root, level: tuple(Site(f"s{n}") for n in range(SITES)),
    open_train=lambda root, site, cache, options: Samples(site_data(site), np.array([int(site[1:])])),
    open_test=lambda root, cache, options: None,
)
TASK = Task(
    name="quadratic",
    summary="a vector between centres",
    options=Options,
    levels=("camera",),
    layouts={"quadratic": LAYOUT},
    model=lambda options, generator: Place(),
    width=lambda options: DIMENSIONS,
    evaluate=lambda model, test, options: {"n": 1.0},
    result=lambda statistics: {"mean": {"n": 1.0}, "spread": {"n": 0.0}},
    training=Training(
        sample=steps,
        transform=lambda samples, rows, options, rng, device: Batch(
            torch.from_numpy(samples.inputs[rows]), torch.from_numpy(samples.labels[rows])
        ),
        loss=loss,
        loss_unit="example",
        optimiser=lambda model, o: torch.optim.SGD(model.parameters(), o.rate, momentum=o.momentum),
        rate=lambda done, rounds, options: 1.0,
        keeps_optimiser=lambda options: False,
        plain=lambda options: options.momentum == 0.0,
    ),
)


def reached(folder: Path, strategy: dict[str, Any], rounds: int = 60, **options: Any) -> np.ndarray:
    """Train and return where the global model ends."""
    cfg = {
        "run": "quadratic",
        "seed": 0,
        "rounds": rounds,
        "evaluate_every": 0,
        "layout": "quadratic",
        "task": {"name": "quadratic", "classes": SITES, **options},
        "protocol": {"name": "camera"},
        "strategy": strategy,
    }
    federation = Federation("q", cfg, tuple(f"s{n}" for n in range(SITES)), folder, folder / "h", folder)
    run(federation, Pool(1))
    import json

    from isofed.client.workshop import Workshop

    shop = Workshop.of(json.dumps(cfg))
    state = Checkpoints(folder / "checkpoints", shop.setting.digest).latest(first_state(shop))
    assert all(Memory(federation.memory(site)) for site in federation.sites)
    return np.array(state.trees["model"]["w"])


@pytest.fixture(autouse=True)
def quadratic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "quadratic", TASK)


def off(place: np.ndarray) -> float:
    return float(np.linalg.norm(place - optimum()))


@pytest.mark.slow
def test_averaging_alone_stops_short_of_the_optimum(tmp_path: Path) -> None:
    assert off(reached(tmp_path, {"name": "fedavg"}, 30)) > 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    "strategy",
    [
        {"name": "scaffold", "option": "two"},
        {"name": "scaffold", "option": "one"},
        {"name": "feddyn", "alpha": 1.0},
    ],
    ids=str,
)
def test_control_variates_and_dynamic_regularisation_remove_the_drift(
    tmp_path: Path, strategy: dict[str, Any]
) -> None:
    assert off(reached(tmp_path, strategy)) < 1e-5


def test_option_two_needs_plain_sgd() -> None:
    assert "plain_sgd" in STRATEGIES["scaffold"]().needs
    assert "plain_sgd" not in STRATEGIES["scaffold"](option="one").needs


def weighted_optimum_distance(folder: Path, name: str, momentum: float) -> float:
    rate = 0.02 if momentum == 0 else 0.005
    return off(reached(folder, {"name": name}, uneven=True, rate=rate, momentum=momentum))


@pytest.mark.slow
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_uneven_steps_pull_fedavg_away_and_fednova_much_less(tmp_path: Path, momentum: float) -> None:
    away = weighted_optimum_distance(tmp_path / "a", "fedavg", momentum)
    near = weighted_optimum_distance(tmp_path / "n", "fednova", momentum)
    assert near < 0.2 * away
