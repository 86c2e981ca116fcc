"""The network: its shapes and counts, what it is symmetric under, and what each part of attention does."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from isofed.tasks.micro_gesture.attention import Hyperedges, HypergraphAttention, Kind
from isofed.tasks.micro_gesture.joints import BODIES, IMIGUE, SMG, Body
from isofed.tasks.micro_gesture.model import DEPTHS, MicroGestureNet, build

SMALL: dict[str, Any] = {"heads": 2, "width": 24, "up": "interpolate"}
SIZES = [
    ("imigue", "e6d2", "linear", 7_921_160),
    ("imigue", "e6d2", "interpolate", 3_822_780),
    ("imigue", "e6d2", "conv", 3_831_620),
    ("imigue", "e6d2", "", 2_985_272),
    ("smg", "e10d4", "linear", 11_651_216),
    ("smg", "e10d4", "interpolate", 6_360_216),
    ("smg", "e10d4", "", 4_678_180),
]
BLOCKS = (235_916, 418_430, 465_734, 418_430, 465_734, 418_430)  # of e6d2's encoder, nothing left out

# of encoder and decoder: blocks, those that are always given hyperedges, those that hand none on
LEFT_OUT = {"e6d2": ((6, 2), (3, 0), (3, 2)), "e10d4": ((10, 4), (7, 1), (3, 3))}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small matrices are slower on several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def made(body: str = "imigue", depth: str = "e2d2", **changes: Any) -> MicroGestureNet:
    return build(body, depth, torch.Generator().manual_seed(0), **{**SMALL, **changes})


def numbers(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def clips(joints: int = 22, count: int = 2, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, 52, joints, generator=generator, dtype=torch.float64)


def stirred(model: MicroGestureNet, alpha: float = 0.7, beta: float = 0.9) -> MicroGestureNet:
    """Return the network in float64, evaluating, with every part of its attention at work; B as it was."""
    generator = torch.Generator().manual_seed(7)
    model = model.double().eval()
    for name, parameter in model.named_parameters():
        last = name.rpartition(".")[2]
        with torch.no_grad():
            if last == "distances":
                parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
            if last in ("alpha", "beta"):
                parameter.fill_({"alpha": alpha, "beta": beta}[last])
    return model


@pytest.mark.parametrize(
    ("body", "depth", "frames"),
    [("imigue", "e6d2", (52, 52, 26, 26, 13, 13)), ("smg", "e10d4", (52,) * 4 + (26,) * 3 + (13,) * 3)],
)
def test_check_01_shapes(body: str, depth: str, frames: tuple[int, ...]) -> None:
    model, joints, seen = made(body, depth), 22 if body == "imigue" else 25, []
    for block in model.encoder:
        block.register_forward_hook(lambda module, given, out: seen.append(tuple(out[0].shape)))
    output = model(clips(joints).float())
    assert output.logits.shape == (2, 2) and output.features.shape == (2, 24)
    assert output.rebuilt is not None
    assert output.rebuilt.shape == output.reference.shape == (2, 3, 52, joints)
    assert seen == [(2, length, joints, 24) for length in frames]


@pytest.mark.parametrize(("body", "depth", "up", "expected"), SIZES)
def test_check_02_parameter_counts(body: str, depth: str, up: str, expected: int) -> None:
    model, dropped = (
        MicroGestureNet(BODIES[body], DEPTHS[depth], up=up, kind=Kind(unused=kept)) for kept in (True, False)
    )
    assert numbers(model) == expected
    assert numbers(model.data_bn) == (132 if body == "imigue" else 150)
    assert numbers(model.emotion) == 562_032 and numbers(model.head) == 434
    if depth == "e6d2":
        assert tuple(numbers(block) for block in model.encoder) == BLOCKS
    blocks, given, stale = (sum(row[: 1 + bool(up)]) for row in LEFT_OUT[depth])
    # of every block a vector and the hyperedges' value; W where E is always given; beta where nobody reads E'
    left_out = blocks * (216 + 216**2) + given * 216**2 + stale
    assert numbers(model) - numbers(dropped) == left_out


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (IMIGUE, [22, 42, 84, 48, 48, 60, 70, 60, 50]),
        (SMG, [25, 48, 58, 60, 66, 72, 80, 72, 56, 40, 32, 16]),
    ],
    ids=lambda given: given.name if isinstance(given, Body) else "",
)
def test_check_03_hops(body: Body, expected: list[int]) -> None:
    assert np.bincount(body.hops.ravel()).tolist() == expected
    assert np.array_equal(body.hops, body.hops.T)
    assert np.array_equal(body.hops == 0, np.eye(len(body.joints), dtype=bool))
    assert len(body.bones) == len(body.joints) - 1


def test_check_04_the_mean_of_a_hyperedge() -> None:
    body = Body(
        "three", ("a", "b", "c"), ((0, 1), (1, 2)), (0, 0, 1), ("ab", "c"), (0, 1, 2), ("x", "y", "z")
    )
    edges = Hyperedges(body, 1, 1)
    nn.init.ones_(edges.project.weight)
    assert edges(torch.tensor([1.0, 3.0, 10.0]).view(1, 1, 3, 1)).flatten().tolist() == [2, 2, 10]


@pytest.mark.parametrize("body", [IMIGUE, SMG], ids=lambda body: body.name)
@pytest.mark.parametrize("up", ["interpolate", "linear"])
def test_check_06_left_and_right_exchanged(body: Body, up: str) -> None:
    model, mirror = stirred(made(body.name, up=up)), list(body.mirror)
    x = clips(len(body.joints))
    one, other = model(x), model(x[..., mirror])
    assert (one.logits - other.logits).abs().max() < 1e-9 < one.logits.abs().max()
    apart = (one.rebuilt[..., mirror] - other.rebuilt).abs().max()
    assert apart < 1e-9 if up == "interpolate" else apart > 1e-3


def test_check_07_no_other_exchange_is_a_symmetry() -> None:
    model, x = stirred(made()), clips()
    order = [0, 1, 2, 4, 3, *range(5, 22)]
    assert (model(x).logits - model(x[..., order]).logits).abs().max() > 1e-3


def test_check_08_at_the_beginning_attention_says_nothing() -> None:
    model, x = made(alpha=0.0).double().eval(), clips()
    before = model(x).logits
    for block in model.encoder:
        attention = block.attention
        with torch.no_grad():
            attention.of_joints.weight[: attention.width].normal_()  # q
            attention.of_edges.weight.normal_()  # eq, ek
    assert torch.equal(before, model(x).logits)
    with torch.no_grad():
        model.encoder[0].attention.alpha.fill_(0.5)
    assert not torch.equal(before, model(x).logits)


def test_check_09_a_clip_alone_is_seen_as_among_others() -> None:
    model, x = stirred(made()), clips(count=3)
    assert torch.allclose(model(x[:1]).logits, model(x).logits[:1], atol=1e-10, rtol=0)
    assert torch.allclose(model(x[:1]).rebuilt, model(x).rebuilt[:1], atol=1e-10, rtol=0)


def written_out(attention: HypergraphAttention, x: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
    """Return x' and E' by the formulas, each pair of joints by itself, (1, 1, V, D)."""
    heads = lambda given: given.view(given.shape[2], attention.heads, -1).transpose(0, 1)  # noqa: E731
    q, k, v = map(heads, attention.of_joints(attention.norm(x)).chunk(3, -1))
    eq, ek = map(heads, attention.of_edges(edges).chunk(2, -1))
    table = attention.distances.view(len(attention.distances), attention.heads, -1)
    scores = torch.zeros(attention.heads, 22, 22, dtype=torch.float64)
    among = torch.zeros_like(scores)
    for n in range(22):
        for m in range(22):
            among[:, n, m] = (eq[:, n] * ek[:, m]).sum(-1)
            looks = k[:, m] + table[IMIGUE.hops[n, m]] + ek[:, m]
            scores[:, n, m] = (q[:, n] * looks).sum(-1) + among[:, n, m]
    root = q.shape[-1] ** 0.5
    mixed = (attention.alpha * torch.softmax(scores / root, -1) + attention.fixed) @ v
    passed = attention.beta * (torch.softmax(among / root, -1) @ v)
    flat, handed = (part.transpose(0, 1).reshape(1, 1, 22, -1) for part in (mixed, passed))
    return x + attention.out(flat.permute(0, 3, 1, 2)).permute(0, 2, 3, 1), handed


def test_check_10_attention_as_the_formulas_say(monkeypatch: pytest.MonkeyPatch) -> None:
    attention: Any = stirred(made(depth="e6d2")).encoder[1].attention
    generator = torch.Generator().manual_seed(1)
    x, edges = torch.randn(2, 1, 1, 22, 24, generator=generator, dtype=torch.float64)
    rows, softmax = [], torch.softmax

    def watched(*given: Any) -> Tensor:
        rows.append(softmax(*given))
        return rows[-1]

    monkeypatch.setattr(torch, "softmax", watched)
    found = attention(x, edges)
    monkeypatch.undo()
    assert len(rows) == 2
    assert all(torch.allclose(row.sum(-1), torch.ones(()).double(), atol=1e-12) for row in rows)
    for one, other in zip(found, written_out(attention, x, edges), strict=True):
        assert torch.allclose(one, other, atol=1e-10) and one.abs().max() > 0.1


def test_check_10_without_hyperedges_it_is_plain_attention() -> None:
    full, plain = (
        HypergraphAttention(IMIGUE, 24, 2, 24, Kind(plain=plain)).double() for plain in (False, True)
    )
    plain.load_state_dict(full.state_dict(), strict=False)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, 4, 22, 24, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        for attention in (full, plain):
            attention.alpha.fill_(0.8)
        full.distances.zero_()
    mixed, passed = full(x, torch.zeros_like(x))
    assert torch.allclose(mixed, plain(x, None)[0], atol=1e-12) and plain(x, None)[1] is None
    assert passed is not None and not passed.any()


def test_check_11_hyperedges_are_updated_from_block_to_block() -> None:
    """In e6d2 the third and the fifth block halve the frames, so that what they hand on fits nobody."""
    model, x = stirred(made(depth="e6d2", kind=Kind(unused=True))), clips(count=1)
    assert [at for at in range(6) if _depends(model, x, at)] == [0, 1, 3]
    short = stirred(made(depth="e6d2"))
    assert [block.attention.beta is not None for block in short.encoder] == [
        True,
        True,
        False,
        True,
        False,
        False,
    ]


def _depends(model: MicroGestureNet, x: Tensor, at: int) -> bool:
    """Tell whether what a block hands on changes the result."""
    block: Any = model.encoder[at]
    before, beta = model(x).logits, block.attention.beta
    with torch.no_grad():
        beta.mul_(-1.0)
        after = model(x).logits
        beta.mul_(-1.0)
    return not torch.equal(before, after)


def test_check_11_after_a_stride_what_comes_in_is_made_anew() -> None:
    attention: Any = stirred(made(depth="e6d2")).encoder[3].attention
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(1, 26, 22, 24, generator=generator, dtype=torch.float64)
    stale, fresh = (
        torch.randn(1, frames, 22, 24, generator=generator, dtype=torch.float64) for frames in (52, 26)
    )
    assert torch.equal(attention(x, stale)[0], attention(x, None)[0])
    assert not torch.equal(attention(x, fresh)[0], attention(x, None)[0])


def test_what_is_to_be_rebuilt_has_no_gradient() -> None:
    output = made()(clips().float())
    assert not output.reference.requires_grad and output.rebuilt is not None
    assert output.rebuilt.requires_grad
