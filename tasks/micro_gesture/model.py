"""The hypergraph-enhanced Transformer: encoder, decoder for self-reconstruction, shallow emotion head."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isofed.suggest import pick
from isofed.tasks.micro_gesture.attention import HypergraphAttention, Kind
from isofed.tasks.micro_gesture.joints import BODIES, Body
from isofed.tasks.micro_gesture.temporal import TemporalConvolution, conv, upsampler

FRAMES, CHANNELS, CLASSES = 52, 3, 2
HEAD_PREFIXES = ("emotion.", "head.")
MLP = 4  # hidden width of the head's MLP over its width


@dataclass(frozen=True)
class Depth:
    """How many blocks, and where frames are halved and doubled.

    Args:
        strides: of the encoder's blocks, 1 or 2.
        ups: of the decoder's blocks, whether they double the frames.
    """

    strides: tuple[int, ...]
    ups: tuple[bool, ...]


DEPTHS = {
    "e6d2": Depth((1, 1, 2, 1, 2, 1), (True, True)),
    "e10d4": Depth((1, 1, 1, 1, 2, 1, 1, 2, 1, 1), (True, False, True, False)),
    "e2d2": Depth((2, 2), (True, True)),
}


@dataclass(frozen=True)
class Output:
    """What the network says about a batch of clips.

    features: (N, D) the pooled head features.
    logits: (N, 2) of the emotions.
    rebuilt: (N, 3, T, V) the reconstruction, or None without a decoder.
    reference: (N, 3, T, V) what it is to be: the normalised input.
    """

    features: Tensor
    logits: Tensor
    rebuilt: Tensor | None
    reference: Tensor


class Block(nn.Module):
    """Attention among joints, convolution along frames, and a residual around both.

    x1, E' = HSA(x, E);  y = ReLU(MTC(x1) + R(x))
    """

    def __init__(self, attention: HypergraphAttention, temporal: TemporalConvolution, residual: nn.Module):
        super().__init__()
        self.attention, self.temporal, self.residual = attention, temporal, residual

    def forward(self, x: Tensor, edges: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return (y, E'): (N, T, V, C) to (N, T', V, D), and E' of the T frames that came in, or None."""
        mixed, passed = self.attention(x, edges)
        y = self.temporal(mixed.permute(0, 3, 1, 2)) + self.residual(x.permute(0, 3, 1, 2))
        return F.relu(y).permute(0, 2, 3, 1), passed


class ShallowHead(nn.Module):
    """One Transformer block over all T' V tokens, LayerNorm first, without a code for places."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.project = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, MLP * width), nn.GELU(), nn.Linear(MLP * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Return the tokens after attention and MLP, (N, L, D)."""
        n, length, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, length, width)
        x = x + self.project(seen)
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class MicroGestureNet(nn.Module):
    """Encoder, decoder and head; always returns an `Output`.

    Args:
        body: whose joints.
        depth: of ``DEPTHS``.
        heads: H, 9 in the paper.
        width: D, 216 in the paper; a multiple of 12 and of H.
        up: upsampler of the decoder, of ``UPSAMPLERS``, or ``""`` for no decoder.
        kind: what attention looks at.
        alpha: where every block's alpha begins; 0 as released.
    """

    def __init__(
        self,
        body: Body,
        depth: Depth,
        heads: int = 9,
        width: int = 216,
        up: str = "linear",
        kind: Kind = Kind(),  # noqa: B008 - frozen
        alpha: float = 0.0,
    ) -> None:
        super().__init__()
        joints = len(body.joints)

        def block(inputs: int, stride: int, grown: str, frames: int, makes: bool, passes: bool) -> Block:
            attention = HypergraphAttention(body, inputs, heads, width, kind, makes, passes)
            nn.init.constant_(attention.alpha, alpha)
            temporal = TemporalConvolution(width, stride, grown, frames, joints)
            residual: nn.Module = upsampler(grown, frames, joints)
            if stride > 1 or inputs != width:
                residual = nn.Sequential(conv(inputs, width, 1, stride), nn.BatchNorm2d(width))
            return Block(attention, temporal, residual)

        self.data_bn = nn.BatchNorm1d(joints * CHANNELS)
        frames, inputs, encoder = FRAMES, CHANNELS, []
        for stride, handed in zip(depth.strides, _handed([s > 1 for s in depth.strides]), strict=True):
            encoder.append(block(inputs, stride, "", frames, *handed))
            frames, inputs = -(-frames // stride), width
        ups, decoder = depth.ups if up else (), []
        for grows, handed in zip(ups, _handed(ups), strict=True):
            decoder.append(block(width, 1, up if grows else "", frames, *handed))
            frames *= 2 if grows else 1
        self.encoder, self.decoder = nn.ModuleList(encoder), nn.ModuleList(decoder)
        self.rebuild = nn.Linear(width, CHANNELS, bias=False) if up else None
        self.emotion = ShallowHead(width, heads)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, inputs: Tensor) -> Output:
        """Return features, logits and reconstruction of clips, (N, 3, T, V) floats, T = 52."""
        x = self.normalised(inputs)
        encoded = self._through(self.encoder, x)
        features = self.emotion(encoded.flatten(1, 2)).mean(1)
        rebuilt = None
        if self.rebuild is not None:
            rebuilt = self.rebuild(self._through(self.decoder, encoded)).permute(0, 3, 1, 2)
        # detached, or the loss could be lowered by shrinking the gain of the input's normalisation
        return Output(features, self.head(features), rebuilt, x.permute(0, 3, 1, 2).detach())

    def normalised(self, inputs: Tensor) -> Tensor:
        """Return the clips after the input's BatchNorm over joints and channels, (N, T, V, 3)."""
        n, channels, frames, joints = inputs.shape
        flat = inputs.permute(0, 3, 1, 2).reshape(n, joints * channels, frames)
        return self.data_bn(flat).view(n, joints, channels, frames).permute(0, 3, 1, 2)

    def _through(self, blocks: nn.ModuleList, x: Tensor) -> Tensor:
        edges: Tensor | None = None
        for block in blocks:
            x, edges = block(x, edges)
        return x


def _handed(changes: Sequence[bool]) -> Iterator[tuple[bool, bool]]:
    """Yield of each block whether it makes hyperedges, and whether the next one reads what it hands on.

    The first makes them, and whoever follows a block that changes the number of frames.
    """
    last = len(changes) - 1
    for at, change in enumerate(changes):
        yield at == 0 or changes[at - 1], at < last and not change


def build(
    body: str,
    depth: str,
    generator: torch.Generator,
    heads: int = 9,
    width: int = 216,
    up: str = "linear",
    kind: Kind = Kind(),  # noqa: B008 - frozen
    alpha: float = 0.0,
) -> MicroGestureNet:
    """Return the network with weights that follow from ``generator`` alone.

    Trainable numbers with the released code's unused ones: ``imigue`` e6d2 7,921,160 (linear), 3,822,780
    (interpolate), 3,831,620 (conv), 2,985,272 (no decoder); ``smg`` e10d4 11,651,216 (linear),
    6,360,216 (interpolate), 4,678,180 (no decoder).

    Raises:
        ConfigError: no such body or depth.
    """
    chosen, blocks = pick("body", body, BODIES), pick("depth", depth, DEPTHS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        model = MicroGestureNet(chosen, blocks, heads, width, up, kind, alpha)
        _initialise(model)
    return model


def _initialise(model: MicroGestureNet) -> None:
    """Draw convolutions He-normal, the last block of attention's output included; the head as released."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    # the released code gives a variance of 2 / classes where others would give a deviation
    nn.init.normal_(model.head.weight, 0.0, (2.0 / CLASSES) ** 0.5)
    nn.init.zeros_(model.head.bias)
