"""Steps in an order that makes sense, and what they do together to reports and sums."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isofed.contracts import Contract, TreeContract
from isofed.errors import CompositionError, ConfigError, ContractError
from isofed.protocols import wire
from isofed.protocols.joint import changes, join, sent, split, towards_zero
from isofed.protocols.levels import NUMBERS
from isofed.protocols.pipeline import Pipeline
from isofed.protocols.privacy import PRIVACY
from isofed.protocols.step import Step, Use
from isofed.protocols.steps.clip import clip
from isofed.protocols.steps.gaussian import gaussian
from isofed.protocols.steps.quantise import quantise
from isofed.protocols.steps.top_k import top_k
from isofed.records import Channel, Delta, Report, Value
from isofed.seeds import Secrets
from isofed.trees import Tree, from_arrays, zeros

C = 2.0
ARRAY = hnp.arrays(np.float32, (2, 3), elements=st.floats(-4, 4, width=32))
SCALAR = hnp.arrays(np.float32, (), elements=st.floats(-4, 4, width=32))
MODEL = st.builds(lambda a, b: from_arrays({"w": a, "scale": b}), ARRAY, SCALAR)
STATISTICS = from_arrays({"mean": np.ones(3, np.float32), "n": np.array(7)})


def report(model: Tree, **more: Channel) -> Report:
    channels = {"model": Value(model), "buffers": Value(STATISTICS), **more}
    return Report(1, 1, "1.1", channels, {"examples": 5, "steps": 2, "loss": 0.5})


def use(site: int = 0) -> Use:
    return Use(1, 1, Secrets(bytes([site] * 32)))


def contract_of(given: Report) -> Contract:
    trees = {n: TreeContract(c.kind, c.tree.layout, "model_state") for n, c in given.channels.items()}  # type: ignore[union-attr]
    return Contract("camera", trees, NUMBERS)


def vector(given: Report) -> np.ndarray:
    """Return all changes of a report as one vector."""
    return join(sent(given.channels)).astype(np.float64)


ORDERS: Mapping[str, tuple[tuple[Step, ...], str]] = {
    "noise without a bound": (
        (gaussian(1.0),),
        "'gaussian(noise=1.0)' needs a bound on every update, which no step before it sets; put clip(norm) "
        "before it",
    ),
    "rounding before the bound": (
        (quantise(8), clip(1.0)),
        "'quantise(bits=8)' needs a bound on every update, which no step before it sets; put clip(norm) "
        "before it",
    ),
    "two bounds": (
        (clip(1.0), clip(2.0)),
        "the privacy steps hold both 'clip(norm=1.0)' and 'clip(norm=2.0)'; leave one out",
    ),
    "two noises": (
        (clip(1.0), gaussian(1.0), gaussian(2.0)),
        "the privacy steps hold both 'gaussian(noise=1.0)' and 'gaussian(noise=2.0)'; leave one out",
    ),
    "another kind of bound": (
        (clip(1.0), Step("box(1)", bounds=1.0)),
        "the privacy steps hold both 'clip(norm=1.0)' and 'box(1)'; leave one out",
    ),
    "noise on integers": (
        (clip(1.0), quantise(8), gaussian(1.0)),
        "'gaussian(noise=1.0)' takes reals, but 'quantise(bits=8)' before it gives integers; put it before "
        "that step",
    ),
    "sparse integers": (
        (clip(1.0), quantise(8), top_k(0.5)),
        "'top_k(fraction=0.5)' takes reals, but 'quantise(bits=8)' before it gives integers; put it before "
        "that step",
    ),
    "masks of reals": (
        (clip(1.0), Step("mask()", takes="integers", gives="integers", wire="uint32")),
        "'mask()' takes integers, but 'clip(norm=1.0)' before it gives reals; put quantise(bits) before it",
    ),
    "masks at once": (
        (Step("mask()", takes="integers", gives="integers", wire="uint32"),),
        "'mask()' takes integers, but an update gives reals; put quantise(bits) before it",
    ),
}


@pytest.mark.parametrize(("steps", "sentence"), ORDERS.values(), ids=ORDERS)
def test_an_order_without_sense_is_refused(steps: tuple[Step, ...], sentence: str) -> None:
    with pytest.raises(CompositionError) as refused:
        Pipeline(steps)
    assert str(refused.value) == sentence


def test_every_named_pipeline_makes_sense() -> None:
    assert all(isinstance(make(), Pipeline) for make in PRIVACY.values())
    assert [step.call for step in PRIVACY["top_k"](0.5, 2.0).steps] == [
        "top_k(fraction=0.5)",
        "clip(norm=2.0)",
    ]


def test_integers_have_a_dtype_on_the_wire_and_reals_have_none() -> None:
    with pytest.raises(CompositionError, match=r"'x\(\)' must name a dtype of the wire"):
        Step("x()", gives="integers")
    with pytest.raises(CompositionError, match="none if it does not"):
        Step("x()", wire="uint8")
    with pytest.raises(ConfigError, match=r"unknown kind of numbers 'real'; did you mean 'reals'\?"):
        Step("x()", takes="real")


def test_a_step_prints_itself_as_its_call() -> None:
    assert repr(clip(1.0)) == "Step(call='clip(norm=1.0)')"


def test_without_steps_everything_is_what_it_was() -> None:
    given, nothing = report(from_arrays({"w": np.ones(3)})), PRIVACY["none"]()
    start = zeros(given.channels["model"].tree.layout)  # type: ignore[union-attr]
    trees = {"model": start}
    assert nothing.leaving(given, start, use()) is given
    assert nothing.opened(given, use()) is given
    assert nothing.summed(trees, use()) is trees
    assert nothing.outside(agreed := contract_of(given)) is agreed


@given(st.lists(MODEL, min_size=1, max_size=4), st.integers(2, 16))
def test_what_is_opened_and_added_up_is_the_sum_of_clipped_changes(models: list[Tree], bits: int) -> None:
    start = from_arrays({"w": np.full((2, 3), 0.25, np.float32), "scale": np.float32(1)})
    pipeline = Pipeline((clip(C), quantise(bits)))
    opened = [
        vector(pipeline.opened(pipeline.leaving(report(model), start, use(n)), use()))
        for n, model in enumerate(models)
    ]
    clipped = [vector(Pipeline((clip(C),)).leaving(report(model), start, use())) for model in models]
    rounding = C / (2 ** (bits - 1) - 1)
    # beside the rounding, what clipping alone loses when it leaves in single precision
    assert (np.abs(sum(opened) - sum(clipped)) <= len(models) * (rounding * (1 + 1e-9) + 1e-6)).all()


@given(MODEL, MODEL)
def test_the_norm_is_one_over_the_model_and_further_trees(model: Tree, control: Tree) -> None:
    start = zeros(model.layout)
    left = Pipeline((clip(C),)).leaving(report(model, control=Delta(control)), start, use())
    found, whole = vector(left), join({"control": control, "model": model}).astype(np.float64)
    assert np.linalg.norm(found) <= C
    wanted = whole * min(1.0, C / (np.linalg.norm(whole) or 1.0))
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)


@given(MODEL)
def test_statistics_are_no_part_of_it(model: Tree) -> None:
    left = Pipeline((clip(1e-3),)).leaving(report(model), zeros(model.layout), use())
    assert left.channels["buffers"].tree is STATISTICS  # type: ignore[union-attr]
    assert left.channels["model"].kind == "delta"


def test_a_parameter_without_dimensions_counts() -> None:
    model = from_arrays({"scale": np.float32(3.0)})
    left = Pipeline((clip(1.0),)).leaving(report(model), zeros(model.layout), use())
    assert left.channels["model"].tree["scale"] == pytest.approx(1.0, rel=1e-6)  # type: ignore[union-attr]


def test_a_change_is_counted_from_the_orders_model() -> None:
    start, model = (from_arrays({"w": np.array([a, 1.0], np.float32)}) for a in (5.0, 5.5))
    left = Pipeline((clip(1.0),)).leaving(report(model), start, use())
    assert vector(left).tolist() == [0.5, 0.0]


@settings(max_examples=30)
@given(MODEL, st.sampled_from(sorted(PRIVACY)))
def test_what_leaves_passes_the_wires_check_and_comes_back(model: Tree, name: str) -> None:
    pipeline, start = PRIVACY[name](), zeros(model.layout)
    given = report(model, buffers=Value(from_arrays({})))
    outside = pipeline.outside(contract_of(given))
    left = pipeline.leaving(given, start, use())
    content = wire.report_content(left)
    wire.check(content, outside)
    back = wire.read_report(content, outside)
    outside.check(back)
    assert np.array_equal(vector(back), vector(left))
    if pipeline.steps:
        assert vector(pipeline.opened(back, use())).dtype == np.float64


def test_a_report_in_another_form_is_not_sent() -> None:
    given = report(from_arrays({"w": np.ones(3, np.float32)}))
    outside = Pipeline((clip(1.0), quantise(8))).outside(contract_of(given))
    with pytest.raises(ContractError, match="records differ from the contract"):
        wire.check(wire.report_content(given), outside)
    plain = replace(given, channels={**given.channels, "model": Delta(given.channels["model"].tree)})  # type: ignore[union-attr]
    with pytest.raises(ContractError, match=r"'delta\.model' differs from the contract in dtype or shape"):
        wire.check(wire.report_content(plain), outside)


def test_integers_save_what_they_say() -> None:
    given = report(from_arrays({"w": np.ones(1000, np.float32)}))
    start = zeros(given.channels["model"].tree.layout)  # type: ignore[union-attr]
    sizes = {
        name: PRIVACY[name]().leaving(given, start, use()).channels["model"].nbytes
        for name in ("clip", "quantise", "gaussian_quantise", "top_k")
    }
    assert sizes == {"clip": 4000, "quantise": 1000, "gaussian_quantise": 2000, "top_k": 4000}


def test_noise_is_added_to_all_sums_at_once() -> None:
    tree = zeros(from_arrays({"w": np.ones(5000)}).layout)
    pipeline = Pipeline((clip(C), gaussian(3.0)))
    found = pipeline.summed({"model": tree, "control": tree}, use())
    values = [np.concatenate(list(part.buffers.values())) for part in found.values()]
    assert list(found) == ["control", "model"]
    for part in values:
        assert part.std() == pytest.approx(6.0, rel=0.06)
    assert abs(np.corrcoef(*values)[0, 1]) < 0.08


def test_clip_noise_and_rounding_open_to_the_clipped_sum_with_noise() -> None:
    rng = np.random.default_rng(0)
    models = [from_arrays({"w": rng.standard_normal(4000).astype(np.float32)}) for _ in range(3)]
    start, pipeline = zeros(models[0].layout), PRIVACY["gaussian_quantise"](C, 0.5, 16)
    opened = [
        vector(pipeline.opened(pipeline.leaving(report(model), start, use(n)), use()))
        for n, model in enumerate(models)
    ]
    assert max(np.linalg.norm(each) for each in opened) <= C
    total = split(sum(opened), {"model": start})
    noise = join(dict(pipeline.summed(total, use()))) - sum(opened)
    assert noise.std() == pytest.approx(1.0, rel=0.06)


def test_a_server_without_secrets_is_refused_where_noise_is_drawn() -> None:
    with pytest.raises(CompositionError, match=r"'gaussian\(noise=1.0\)' draws secret numbers at the server"):
        PRIVACY["gaussian"]().drawing(None)
    for pipeline, secrets in ((PRIVACY["clip"](), None), (PRIVACY["gaussian"](), Secrets(bytes(32)))):
        assert pipeline.drawing(secrets) is pipeline


def test_statistics_that_leave_under_noise_are_refused_on_the_model_itself() -> None:
    given = report(from_arrays({"w": np.ones(3)}))
    with pytest.raises(CompositionError) as refused:
        PRIVACY["gaussian"]().outside(contract_of(given))
    assert str(refused.value) == (
        "'gaussian(noise=1.0)' hides nothing in running statistics, but the model's leave beside it; keep "
        "them at the sites with strategy=fedbn strategy.weights=equal, or write privacy.buffers=released"
    )
    empty = replace(given, channels={**given.channels, "buffers": Value(from_arrays({}))})
    assert PRIVACY["gaussian"]().outside(contract_of(empty)).channels["model"].kind == "delta"


def test_whole_numbers_among_parameters_are_refused() -> None:
    given = report(from_arrays({"w": np.ones(3), "n": np.array([1])}))
    with pytest.raises(CompositionError, match="works on real numbers, but channel 'model' holds int64"):
        PRIVACY["clip"]().outside(contract_of(given))


def test_a_model_of_which_nothing_travels_passes() -> None:
    empty = from_arrays({})
    for name in ("clip", "quantise", "top_k"):
        left = PRIVACY[name]().leaving(report(empty), empty, use())
        assert len(vector(PRIVACY[name]().opened(left, use()))) == 0


@given(hnp.arrays(np.float64, 8, elements=st.floats(-1e300, 1e300)), st.sampled_from(["float16", "float32"]))
def test_narrowing_never_lengthens(values: np.ndarray, dtype: str) -> None:
    found = towards_zero(values, dtype)
    assert found.dtype == dtype and np.isfinite(found).all()
    assert (np.abs(found.astype(np.float64)) <= np.abs(values)).all()


@given(MODEL, MODEL)
def test_joining_and_splitting_gives_the_trees_back(model: Tree, control: Tree) -> None:
    trees: dict[str, Any] = changes({"model": Value(model), "c": Delta(control)}, zeros(model.layout))
    assert list(trees) == ["c", "model"]
    for name, tree in split(join(trees), trees).items():
        assert all(np.array_equal(array, trees[name][key]) for key, array in tree.items())
