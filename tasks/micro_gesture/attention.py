"""Hypergraph-enhanced self-attention among the joints of a frame."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isofed.tasks.micro_gesture.joints import Body

PARTS = 6  # groups of the convolution behind the heads


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

    Args:
        body: V joints, their groups and hops.
        inputs: channels of x.
        heads: H.
        width: D = H c, a multiple of 6.
        edge_value: ``"joint"``, v of E' is that of x, as released; ``"edge"``, it is E's own.
        unused: whether to keep the released code's parameters that nothing reads.

    Source: Xia et al., "Hybrid-supervised Hypergraph-enhanced Transformer for Micro-gesture Based Emotion
    Recognition", 2025, and its released code; Zhou et al., "Hypergraph Transformer for Skeleton-based Action
    Recognition", 2022, for what both share.
    """

    hops: Tensor

    def __init__(
        self, body: Body, inputs: int, heads: int, width: int, edge_value: str = "joint", unused: bool = False
    ) -> None:
        super().__init__()
        joints = len(body.joints)
        self.heads, self.width, self.edge_value = heads, width, edge_value
        self.edges = Hyperedges(body, inputs, width)
        self.norm = nn.LayerNorm(inputs)
        self.of_joints = nn.Linear(inputs, 3 * width, bias=False)
        self.of_edges = nn.Linear(width, (3 if unused or edge_value == "edge" else 2) * width, bias=False)
        self.distances = nn.Parameter(torch.zeros(int(body.hops.max()) + 1, width))
        self.alpha = nn.Parameter(torch.zeros(()))
        self.beta = nn.Parameter(torch.zeros(()))
        self.fixed = nn.Parameter(torch.eye(joints).repeat(heads, 1, 1))
        self.out = nn.Conv2d(width, width, 1, groups=PARTS)
        self.skip = nn.Identity() if inputs == width else nn.Linear(inputs, width, bias=False)
        if unused:
            self.unused = nn.Parameter(torch.zeros(width))
        self.register_buffer("hops", torch.from_numpy(body.hops), persistent=False)

    def forward(self, x: Tensor, edges: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return (x', E'): (N, T, V, C) and E (N, T, V, D) or None, which is then made from x.

        Hyperedges of another number of frames are made anew, too.
        """
        if edges is None or edges.shape[1] != x.shape[1]:
            edges = self.edges(x)
        q, k, v = self._heads(self.of_joints(self.norm(x)), 3)
        eq, ek, *ev = self._heads(
            self.of_edges(edges), self.of_edges.out_features // v.shape[2] // v.shape[4]
        )
        scale = 1 / math.sqrt(q.shape[-1])
        among = (eq @ ek.transpose(-1, -2)) * scale
        weights = torch.softmax((q @ (k + ek).transpose(-1, -2) + self._apart(q)) * scale + among, -1)
        mixed = (self.alpha * weights + self.fixed) @ v
        passed = self.beta * (torch.softmax(among, -1) @ (ev[0] if self.edge_value == "edge" else v))
        out: Tensor = self.out(self._joined(mixed).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return self.skip(x) + out, self._joined(passed)

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
