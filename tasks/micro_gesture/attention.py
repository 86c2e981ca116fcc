"""Hypergraph-enhanced self-attention among the joints of a frame."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isofed.tasks.micro_gesture.joints import Body

PARTS = 6  # groups of the convolution behind the heads


@dataclass(frozen=True)
class Kind:
    """What attention among joints looks at.

    Args:
        plain: at the joints alone, without hyperedges and without how far joints are apart: a control.
        edge_value: ``"joint"``, v of E' is that of x, as released; ``"edge"``, it is E's own.
        unused: whether to keep the released code's parameters that nothing reads, for its counts.
    """

    plain: bool = False
    edge_value: str = "joint"
    unused: bool = False


class Hyperedges(nn.Module):
    """A feature for each hyperedge, handed to its joints: E[v] = W (mean of x over the group of v).

    Args:
        body: its groups.
        inputs: C, channels of x.
        width: D, channels of E.
    """

    def __init__(self, body: Body, inputs: int, width: int) -> None:
        super().__init__()
        groups = torch.tensor(body.groups)
        member = F.one_hot(groups, len(body.group_names)).double()
        self.register_buffer("mean", (member / member.sum(0)).float(), persistent=False)  # (V, G)
        self.register_buffer("groups", groups, persistent=False)
        self.project = nn.Linear(inputs, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return E: (N, T, V, C) to (N, T, V, D)."""
        means = torch.einsum("ntvc,vg->ntgc", x, self.mean.to(x.dtype))
        edges: Tensor = self.project(means)[:, :, self.groups]
        return edges


class HypergraphAttention(nn.Module):
    """Attention whose weights also know how far joints are apart and which hyperedges they belong to.

    With q, k, v of LN(x) and eq, ek of E, for joints n, m of one frame, per head of width c::

        A = q_n k_m + q_n r[hops(n, m)] + q_n ek_m + eq_n ek_m
        x' = S(x) + W_o (alpha softmax_m(A / sqrt(c)) + B) v
        E' = beta softmax_m(eq_n ek_m / sqrt(c)) v

    alpha, beta and r begin at 0, B (heads, V, V) at the identity: a joint begins by looking at itself.
    Plain attention has A = q_n k_m alone, and no E.

    Args:
        body: V joints, their groups and hops.
        inputs: channels of x.
        heads: H.
        width: D = H c, a multiple of 6.
        kind: what attention looks at.
        makes: whether E is ever made here; a block that is always given one has no W of its own.
        passes: whether a later block reads E'; otherwise there is no beta, and None is returned.

    Source: Xia et al., "Hybrid-supervised Hypergraph-enhanced Transformer for Micro-gesture Based Emotion
    Recognition", 2025, and its released code; Zhou et al., "Hypergraph Transformer for Skeleton-based Action
    Recognition", 2022, for what both share.
    """

    hops: Tensor

    def __init__(
        self,
        body: Body,
        inputs: int,
        heads: int,
        width: int,
        kind: Kind = Kind(),
        makes: bool = True,
        passes: bool = True,
    ) -> None:
        super().__init__()
        joints = len(body.joints)
        self.heads, self.width, self.kind = heads, width, kind
        self.norm = nn.LayerNorm(inputs)
        self.of_joints = nn.Linear(inputs, 3 * width, bias=False)
        if not kind.plain:
            self.edges: nn.Module = Hyperedges(body, inputs, width) if makes or kind.unused else nn.Identity()
            own_value = passes and kind.edge_value == "edge"
            self.of_edges = nn.Linear(width, (3 if kind.unused or own_value else 2) * width, bias=False)
            self.distances = nn.Parameter(torch.zeros(int(body.hops.max()) + 1, width))
            self.beta = nn.Parameter(torch.zeros(())) if passes or kind.unused else None
        self.alpha = nn.Parameter(torch.zeros(()))
        self.fixed = nn.Parameter(torch.eye(joints).repeat(heads, 1, 1))
        self.out = nn.Conv2d(width, width, 1, groups=PARTS)
        self.skip = nn.Identity() if inputs == width else nn.Linear(inputs, width, bias=False)
        if kind.unused:
            self.unused = nn.Parameter(torch.zeros(width))
        self.register_buffer("hops", torch.from_numpy(body.hops), persistent=False)

    def forward(self, x: Tensor, edges: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return (x', E'): (N, T, V, C) and E (N, T, V, D) or None, which is then made from x.

        Hyperedges of another number of frames are made anew, too.
        """
        q, k, v = self._heads(self.of_joints(self.norm(x)), 3)
        if self.kind.plain:
            return self._mixed(x, self._softmax(q @ k.transpose(-1, -2)), v), None
        eq, ek, *ev = self.of_hyperedges(x, edges)
        weights = self._softmax(q @ (k + ek).transpose(-1, -2) + self._apart(q) + eq @ ek.transpose(-1, -2))
        passed = None
        if self.beta is not None:
            value = ev[0] if self.kind.edge_value == "edge" else v
            passed = self._joined(self.beta * (self.among(eq, ek) @ value))
        return self._mixed(x, weights, v), passed

    def of_hyperedges(self, x: Tensor, edges: Tensor | None) -> tuple[Tensor, ...]:
        """Return eq, ek and, where there is one, E's own value, each (N, T, H, V, c)."""
        if edges is None or edges.shape[1] != x.shape[1]:
            edges = self.edges(x)
        return self._heads(self.of_edges(edges), self.of_edges.out_features // self.width)

    def among(self, eq: Tensor, ek: Tensor) -> Tensor:
        """Return what hyperedges give each other, softmax_m(eq_n ek_m / sqrt(c)), (N, T, H, V, V)."""
        return self._softmax(eq @ ek.transpose(-1, -2))

    def _softmax(self, scores: Tensor) -> Tensor:
        return torch.softmax(scores / math.sqrt(self.width // self.heads), -1)

    def _mixed(self, x: Tensor, weights: Tensor, v: Tensor) -> Tensor:
        """Return S(x) + W_o (alpha P + B) v."""
        mixed = self._joined((self.alpha * weights + self.fixed) @ v)
        out: Tensor = self.skip(x) + self.out(mixed.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return out

    def _heads(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """Split (N, T, V, parts D) into ``parts`` of (N, T, H, V, c)."""
        n, t, v, _ = x.shape
        return x.view(n, t, v, parts, self.heads, -1).permute(3, 0, 1, 4, 2, 5).unbind(0)

    def _joined(self, x: Tensor) -> Tensor:
        """Join (N, T, H, V, c) into (N, T, V, D)."""
        return x.transpose(2, 3).flatten(3)

    def _apart(self, q: Tensor) -> Tensor:
        """Return q_n r[hops(n, m)], (N, T, H, V, V): each joint meets a distance once, not each pair."""
        table = self.distances.view(len(self.distances), self.heads, -1).permute(1, 2, 0)  # (H, c, hops)
        met = q @ table
        return met.gather(-1, self.hops.expand(*met.shape[:3], *self.hops.shape))
