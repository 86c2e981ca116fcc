"""Server-side distillation and FedReID's weights in whole rounds, against loops that keep all teachers."""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cases
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cases import World
from dummies import DummyOptions, dummy, labelled, net, training
from test_equivalences import Reordered, final, weights
from torch import Tensor

from isofed import seeds
from isofed.client.workshop import Workshop
from isofed.errors import CompositionError, RoundError
from isofed.files import load_state
from isofed.protocols.levels import LEVELS, LevelOptions
from isofed.records import Delta, Report, Value
from isofed.server import distil
from isofed.server.distil import Classroom, Lesson
from isofed.setting import Setting, build
from isofed.simulations import federation as federations
from isofed.simulations.federation import Federation, run
from isofed.simulations.pool import Pool
from isofed.strategies.named import STRATEGIES
from isofed.tasks import TASKS
from isofed.trees import Tree

pytestmark = pytest.mark.usefixtures("kept_reports")

Patch = pytest.MonkeyPatch
Worlds = Callable[[str], World]
FEDAVG: Mapping[str, Any] = {"name": "fedavg"}
FEDDF: Mapping[str, Any] = {"name": "feddf", "steps": 6, "batch": 8, "lr": 0.01}
FEDPAV: Mapping[str, Any] = {"name": "fedpav", "steps": 4, "batch": 8, "lr": 0.05}


@dataclass(frozen=True)
class Said:
    """Output of ``said``: features, and logits of them."""

    features: Tensor
    logits: Tensor


def said_of(options: DummyOptions) -> dict[str, int]:
    return {"place": options.dimensions, "head": options.classes}


def unbiased(options: DummyOptions, generator: torch.Generator) -> Any:
    """Return the network without the bias that BatchNorm takes away: Adam makes steps of its rounding."""
    model = net(said_of, lambda x, made: Said(made["place"], made["head"]))(options, generator)
    model.body[0].register_parameter("bias", None)
    return model


SAID = dummy(
    "said",
    unbiased,
    training(
        labelled,
        lambda output, labels, _: (
            F.cross_entropy(output.logits, labels) + 0.1 * output.features.square().mean()
        ),
        "example",
        ("features", "logits"),
    ),
    ("layers.head.",),
)


@pytest.fixture
def said(worlds: Worlds, monkeypatch: Patch) -> World:
    """Return a world whose task has features and logits, with statistics and a head."""
    task = replace(SAID, levels=("camera", "camera_strict", "sharing"))
    monkeypatch.setitem(TASKS, "said", task)
    monkeypatch.setitem(cases.ALL, "said", task)
    return replace(worlds("batch_loss"), name="said")


@pytest.fixture
def public(said: World, tmp_path: Path) -> Path:
    """Return a folder of other points."""
    said.layout.make(tmp_path / "public", 9, said.case.make, map, None)
    return tmp_path / "public"


def taught(world: World, folder: Path, public: Path, strategy: Mapping[str, Any], **more: Any) -> Federation:
    return replace(world.federation(folder, strategy, **more), public=public)


def setting_of(world: World, strategy: Mapping[str, Any]) -> Setting:
    return build(world.cfg(strategy), TASKS, STRATEGIES, LEVELS, LevelOptions)


def reports(federation: Federation, round: int) -> list[dict[str, np.ndarray]]:
    """Return what every site sent of its model, by state-dict name."""
    found = []
    for site in federation.sites:
        _, stored = load_state(federation.memory(site) / f"{round}.1.state", "a version")
        trees: list[Any] = [stored["r/model"], stored["r/buffers"]]
        found.append({name: array for tree in trees for name, array in tree.items()})
    return found


def leaves(federation: Federation) -> dict[str, np.ndarray]:
    return {name: array for tree in final(federation).trees.values() for name, array in tree.items()}


def module(federation: Federation, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return a model of its own with some arrays in it."""
    made = Workshop.of(json.dumps(federation.cfg)).model
    made.load_state_dict({name: torch.from_numpy(a.copy()) for name, a in arrays.items()}, strict=False)
    return made


def stream(samples: int, batch: int, steps: int, round: int) -> list[list[int]]:
    """Return the batches, written as one long queue."""
    rng, queue, found = seeds.public(3, round, "", "distillation"), list[int](), []
    for _ in range(steps):
        while len(queue) < batch:
            queue += rng.permutation(samples).tolist()
        found.append(queue[:batch])
        queue = queue[batch:]
    return found


def slow_feddf(plain: Federation, public: Path, teaches: Mapping[str, Any], train: bool) -> dict[str, Tensor]:
    """FedDF's algorithm 1 after FedAvg's round: teachers kept, softmaxes written out, torch's schedule."""
    teachers = [module(plain, arrays).eval() for arrays in reports(plain, 1)]
    student = module(plain, leaves(plain)).train(train)
    inputs = torch.from_numpy(np.load(public / "left.npz")["inputs"])
    optimiser = torch.optim.Adam(student.parameters(), lr=teaches["lr"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, teaches["steps"])
    temperature = teaches.get("temperature", 1.0)
    for rows in stream(len(inputs), teaches["batch"], teaches["steps"], 1):
        with torch.no_grad():
            mean = torch.stack([t(inputs[rows]).logits for t in teachers]).mean(0)
        p, q = (torch.softmax(z / temperature, 1) for z in (mean, student(inputs[rows]).logits))
        optimiser.zero_grad()
        (p * (p.log() - q.log())).sum(1).mean().backward()
        optimiser.step()
        schedule.step()
    return dict(student.state_dict())


@pytest.mark.parametrize("statistics", ["public", "clients"])
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_a_round_of_feddf_is_the_papers(
    said: World, public: Path, tmp_path: Path, statistics: str, temperature: float, monkeypatch: Patch
) -> None:
    # g / (√v + 1e-8) turns the rounding of a gradient near zero into a step of the full rate
    monkeypatch.setattr(torch.optim, "Adam", functools.partial(torch.optim.Adam, eps=1e-2))
    strategy = {**FEDDF, "statistics": statistics, "temperature": temperature}
    plain = said.federation(tmp_path / "a", FEDAVG, rounds=1)
    run(plain, Pool(1))
    found = taught(said, tmp_path / "b", public, strategy, rounds=1)
    run(found, Pool(1))
    wanted, before = slow_feddf(plain, public, strategy, statistics == "public"), leaves(plain)
    for name, array in leaves(found).items():
        np.testing.assert_allclose(array, wanted[name].numpy(), atol=1e-6, err_msg=name)
        assert array.dtype == before[name].dtype
        assert not ("running_var" in name and (array < 0).any())
    moved = {name for name, array in leaves(found).items() if not np.array_equal(array, before[name])}
    statistic = {name for name in before if "running" in name or "tracked" in name}
    # no loss of logits reaches the layer of the features
    learnt = {name for name in before if "place" not in name} - statistic
    assert moved == (learnt | statistic if statistics == "public" else learnt)


def test_a_round_of_feature_distillation_is_fedreids(said: World, public: Path, tmp_path: Path) -> None:
    plain = said.federation(tmp_path / "a", {"name": "fedpav"}, rounds=1)
    run(plain, Pool(1))
    found = taught(said, tmp_path / "b", public, FEDPAV, rounds=1)
    run(found, Pool(1))
    teachers = [module(plain, arrays).eval() for arrays in reports(plain, 1)]
    student = module(plain, leaves(plain)).train()
    inputs = torch.from_numpy(np.load(public / "left.npz")["inputs"])
    optimiser = torch.optim.SGD(student.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    for rows in stream(len(inputs), 8, 4, 1):
        with torch.no_grad():
            soft = sum(F.normalize(t(inputs[rows]).features, dim=1) for t in teachers) / len(teachers)
        optimiser.zero_grad()
        F.mse_loss(student(inputs[rows]).features, soft).backward()
        optimiser.step()
    wanted = student.state_dict()
    assert not any(name.startswith("layers.head") for name in leaves(found))
    for name, array in leaves(found).items():
        np.testing.assert_allclose(array, wanted[name].numpy(), atol=1e-6, err_msg=name)
    assert not np.array_equal(leaves(found)["layers.place.weight"], leaves(plain)["layers.place.weight"])


@pytest.mark.parametrize("of", ["logits", "features"])
def test_fedpav_weighs_by_the_cosine_distance(said: World, tmp_path: Path, of: str) -> None:
    found = said.federation(tmp_path, {"name": "fedpav", "of": of}, rounds=1)
    begun = module(found, {}).state_dict()
    run(found, Pool(1))
    sent, apart = reports(found, 1), []
    for site in found.sites:
        _, stored = load_state(found.memory(site) / "1.1.state", "a version")
        own = {
            name: array for tree in stored.values() if isinstance(tree, Tree) for name, array in tree.items()
        }
        before, after = module(found, {}).eval(), module(found, own).eval()
        samples = said.samples(site)
        rows = SAID.training.sample(samples, said.options, seeds.public(3, 1, site, "batches"))[0]  # type: ignore[union-attr]
        inputs = torch.from_numpy(samples.inputs[rows])
        one, other = (getattr(model(inputs), of).detach().double().numpy() for model in (before, after))
        cosines = [a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in zip(one, other, strict=True)]
        apart.append(1 - np.mean(cosines))
    assert min(apart) > 1e-4 and abs(apart[0] - apart[1]) > 1e-4
    for name, array in final(found).trees["model"].items():
        mean = np.average([s[name].astype(np.float64) for s in sent], axis=0, weights=apart)
        np.testing.assert_allclose(array, mean, atol=1e-6, err_msg=name)
        assert name in begun and not name.startswith("layers.head")
    for name, array in final(found).trees["buffers"].items():
        mean = np.mean([s[name].astype(np.float64) for s in sent], axis=0)  # both hold equally many
        np.testing.assert_allclose(array, mean, atol=1e-6)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({**FEDDF, "steps": 0}, FEDAVG),
        ({"name": "fedpav", "weights": "examples"}, {"name": "fedper"}),
    ],
)
def test_without_its_addition_it_is_what_it_grew_from(
    said: World, public: Path, tmp_path: Path, one: Mapping[str, Any], other: Mapping[str, Any]
) -> None:
    plain = weights(said.federation(tmp_path / "a", other))
    assert weights(said.federation(tmp_path / "b", one)) == plain
    assert weights(taught(said, tmp_path / "c", public, {**one, "steps": 3})) != plain


@pytest.mark.parametrize("of", ["logits", "features"])
def test_the_only_teacher_s_student_knows_all_of_it(
    said: World, public: Path, tmp_path: Path, monkeypatch: Patch, of: str
) -> None:
    losses: list[float] = []
    real = distil.loss

    def heard(*args: Any) -> torch.Tensor:
        value = real(*args)
        losses.append(float(value.detach()))
        return value

    monkeypatch.setattr(distil, "loss", heard)
    strategy = {**FEDDF, "of": of, "statistics": "clients", "lr": 1e-6}
    one = taught(said, tmp_path, public, strategy, sites=("left",), rounds=1)
    run(one, Pool(1))
    assert len(losses) == 6 and losses[0] == pytest.approx(0.0, abs=1e-7)
    room = one.classroom(setting_of(said, strategy))
    assert room is not None
    student = module(one, reports(one, 1)[0]).eval()
    room.load({group: final(one).trees[group] for group in ("model", "buffers")})
    outputs = getattr(student(torch.from_numpy(room.samples.inputs)), of)
    real(room.plan, outputs, outputs.detach().double().to(outputs)).backward()
    gradients = [p.grad.abs().max() for p in student.parameters() if p.grad is not None]
    assert gradients and max(gradients) < 1e-7


@pytest.mark.parametrize("strategy", [FEDDF, FEDPAV], ids=lambda s: s["name"])
def test_a_run_cut_short_and_one_heard_in_another_order_end_with_the_same_bits(
    said: World, public: Path, tmp_path: Path, strategy: Mapping[str, Any], monkeypatch: Patch
) -> None:
    whole = weights(taught(said, tmp_path / "a", public, strategy, rounds=3))

    def kill(name: str, **fields: Any) -> None:
        if name == "round_done" and fields["round"] == 2:
            raise KeyboardInterrupt

    cut = taught(said, tmp_path / "b", public, strategy, rounds=3)
    with pytest.raises(KeyboardInterrupt):
        run(cut, Pool(1), kill)
    torch.manual_seed(99)  # another process has another random state
    assert not cut.done and weights(cut) == whole
    monkeypatch.setattr(federations, "LocalGrid", Reordered)
    assert weights(taught(said, tmp_path / "c", public, strategy, rounds=3)) == whole


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_two_workers_give_the_same_bits_as_one(
    said: World, public: Path, tmp_path: Path, threads: int
) -> None:
    found = set[str]()
    for workers in (1, 2):
        pool, before = Pool.start(workers, 1), torch.get_num_threads()
        # the server's own threads are what is looked at: the clients' are one each
        federation = replace(taught(said, tmp_path / f"{workers}", public, FEDDF), threads=threads)
        try:
            found.add(weights(federation, pool))
        finally:
            pool.stop()
            torch.set_num_threads(before)
    assert len(found) == 1


def test_what_the_server_learns_leaves_the_process_as_it_was(
    said: World, public: Path, tmp_path: Path
) -> None:
    federation = taught(said, tmp_path, public, FEDDF, rounds=1)
    room = federation.classroom(setting_of(said, FEDDF))
    assert room is not None and room.threads == 1
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(2)
    try:
        with room.quiet(1):
            assert torch.get_num_threads() == 1
            torch.rand(3)
        assert torch.get_num_threads() == 2 and torch.equal(torch.get_rng_state(), state)
    finally:
        torch.set_num_threads(threads)


def test_a_rate_out_of_all_bounds_is_no_round(said: World, public: Path, tmp_path: Path) -> None:
    with pytest.raises(RoundError, match="the distillation of round 1 left NaN or infinite weights"):
        run(taught(said, tmp_path, public, {**FEDPAV, "lr": 1e6, "steps": 40}, rounds=1), Pool(1))


def test_a_lesson_that_nobody_gave_changes_nothing(said: World, public: Path, tmp_path: Path) -> None:
    room = taught(said, tmp_path, public, FEDDF).classroom(setting_of(said, FEDDF))
    assert isinstance(room, Classroom)
    trees = {"model": "as it was"}
    assert Lesson(room, 1).taught(trees) == trees  # type: ignore[arg-type]


def test_a_change_is_as_good_as_the_model_that_it_makes(said: World, public: Path, tmp_path: Path) -> None:
    one = taught(said, tmp_path, public, FEDDF, rounds=1)
    run(one, Pool(1))
    room = one.classroom(setting_of(said, FEDDF))
    assert room is not None
    _, stored = load_state(one.memory("left") / "1.1.state", "a version")
    model, buffers, start = stored["r/model"], stored["r/buffers"], final(one).trees["model"]
    assert isinstance(model, Tree) and isinstance(buffers, Tree)
    change = model.wide().map(lambda new, old: new - old, start)
    began = {"left": {"model": Value(start), "buffers": Value(buffers)}}
    said_of_it = []
    for channel in (Value(model), Delta(change)):
        heard = Lesson(room, 1, began)
        heard.hear("left", Report(1, 1, "", {"model": channel, "buffers": Value(buffers)}, {}))
        said_of_it.append(heard.total.numpy())
    np.testing.assert_allclose(*said_of_it, atol=1e-6)


def test_without_public_data_it_is_refused(said: World, tmp_path: Path) -> None:
    with pytest.raises(CompositionError, match="the server has none; name their folder with public"):
        run(said.federation(tmp_path, FEDDF, rounds=1), Pool(1))


@pytest.mark.parametrize(
    ("strategy", "task", "sentence"),
    [
        (
            {**FEDDF, "of": "logits"},
            "said",
            "the head that makes them stays at the sites; write strategy.of=features",
        ),
        ({**FEDDF, "of": "logits"}, "batch_loss", "needs 'logits' from the model"),
        ({"name": "fedpav", "of": "features"}, "batch_loss", "needs 'head' from the model"),
    ],
)
def test_what_the_server_cannot_know_is_refused(
    said: World, worlds: Worlds, strategy: Mapping[str, Any], task: str, sentence: str
) -> None:
    world = said.strict if task == "said" else worlds(task)
    with pytest.raises(CompositionError, match=sentence):
        setting_of(world, strategy)


def test_features_are_learnt_where_heads_are_private(worlds: Worlds, tmp_path: Path) -> None:
    world = replace(worlds("reid").strict, home=tmp_path / "homes")
    world.layout.make(tmp_path / "public", 9, world.case.make, map, None)
    strategy = {**FEDDF, "of": "features", "steps": 2}
    with pytest.raises(CompositionError, match=r"write strategy\.of=features"):
        setting_of(world, {**strategy, "of": "logits"})
    found = taught(world, tmp_path / "a", tmp_path / "public", strategy, sites=("cam1", "cam4"), rounds=1)
    run(found, Pool(1))
    plain = world.federation(tmp_path / "b", FEDAVG, ("cam1", "cam4"), rounds=1)
    run(plain, Pool(1))
    assert not np.array_equal(leaves(found)["neck.weight"], leaves(plain)["neck.weight"])
    assert not any(name.startswith("head") for name in leaves(found))
