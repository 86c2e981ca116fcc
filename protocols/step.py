"""A privacy step: what a client does to its update, what the server does to each, and to the sum."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from isofed.config import within
from isofed.errors import CompositionError
from isofed.seeds import Secrets
from isofed.suggest import pick

REALS, INTEGERS = "reals", "integers"
CHANGES, STATISTICS = "changes", "buffers"


@dataclass(frozen=True)
class Use:
    """One use of a pipeline: on one site's update, or on a round's sum.

    Args:
        round, attempt: which; a new attempt draws new numbers.
        secrets: of the site, or of the server.
        bound: C, which the norm of an update does not exceed, or None; at the server that of this round,
            where it moves.
        kept: what the steps kept of the rounds before, see :class:`Step`.
        heard: of a round's sum, ``sites`` behind it, and the sums of what the steps noted of each.
    """

    round: int
    attempt: int
    secrets: Secrets | None = field(default=None, repr=False)
    bound: float | None = None
    kept: Mapping[str, Any] = field(default_factory=dict, repr=False)
    heard: Mapping[str, float] = field(default_factory=dict, repr=False)

    @property
    def limit(self) -> float:
        """C, where the pipeline's check has made sure that there is one."""
        assert self.bound is not None
        return self.bound

    def key(self, purpose: str) -> bytes:
        """Return 32 secret bytes for one purpose in this attempt."""
        assert self.secrets is not None
        return self.secrets.derive(self.round, self.attempt, purpose)


Half = Callable[[np.ndarray, Use], np.ndarray]


@dataclass(frozen=True)
class Promise:
    """What a step makes of a round's sum for whoever sees the models: one Gaussian around every site.

    Args:
        mechanism: ``gaussian``, new noise each round, or ``tree``, noise shared by rounds.
        noise: z, the noise's standard deviation over the most that one site moves the sum.
        delta: δ for which ε is told.
        sampling: how a round's sites are drawn: ``public``, from the run's seed, or ``secret``, each by the
            server's secrets, which makes every round tell less.
    """

    mechanism: str
    noise: float
    delta: float = 1e-5
    sampling: str = "public"

    def __post_init__(self) -> None:
        pick("mechanism", self.mechanism, dict.fromkeys(("gaussian", "tree")))
        pick("sampling", self.sampling, dict.fromkeys(("public", "secret")))
        within("noise", self.noise, 1e-9, 1e9)
        within("delta", self.delta, 1e-30, 0.5)


@dataclass(frozen=True)
class Step:
    """One step. A half takes the joint vector, (d,), and returns the next one; any may be absent.

    Args:
        call: the call that made it, for people and for the digest.
        client: what a site does to its update.
        server: what the server does to each site's, after the halves of the steps behind it.
        total: what the server does to the sum of all, once, before the rule divides it.
        takes, gives: ``reals`` (float64) or ``integers``, at the client.
        bounds: C, if afterwards no update's L2 norm is above it.
        needs_bound: whether a step before it must bound every update.
        needs_sums: whether the rule must be linear and nothing else look at single updates.
        needs_equal_weights: whether the rule must weigh every update the same.
        hides: whether it is there to hide what one client contributed; all else that tells of it is then
            refused.
        covers: private numbers that it hides as well, keys of ``levels.FURTHER``.
        wire: dtype in which its integers travel.
        note: what the server writes down of an update as it arrives, before any server half; summed in
            ``Use.heard``.
        keep: (the sum before its noise, use) to JSON values for ``Use.kept`` of the next round; ``bound``
            among them is the next round's C.
        promise: how far it hides a site, if it does.
        settles: whether a site knows what the server makes of its update.
        part: what it works on: ``changes``, the joint vector of the model's and further trees', or
            ``buffers``, that of running statistics', which then leave as changes, too.
    """

    call: str
    client: Half | None = field(default=None, repr=False)
    server: Half | None = field(default=None, repr=False)
    total: Half | None = field(default=None, repr=False)
    takes: str = field(default=REALS, repr=False)
    gives: str = field(default=REALS, repr=False)
    bounds: float | None = field(default=None, repr=False)
    needs_bound: bool = field(default=False, repr=False)
    needs_sums: bool = field(default=False, repr=False)
    needs_equal_weights: bool = field(default=False, repr=False)
    hides: bool = field(default=False, repr=False)
    covers: tuple[str, ...] = field(default=(), repr=False)
    wire: str = field(default="", repr=False)
    note: Callable[[np.ndarray, Use], Mapping[str, float]] | None = field(default=None, repr=False)
    keep: Callable[[np.ndarray, Use], Mapping[str, Any]] | None = field(default=None, repr=False)
    promise: Promise | None = field(default=None, repr=False)
    settles: bool = field(default=True, repr=False)
    part: str = field(default=CHANGES, repr=False)

    def __post_init__(self) -> None:
        pick("kind of numbers", self.takes, dict.fromkeys((REALS, INTEGERS)))
        pick("kind of numbers", self.gives, dict.fromkeys((REALS, INTEGERS)))
        pick("part", self.part, dict.fromkeys((CHANGES, STATISTICS)))
        if (self.gives == INTEGERS) != bool(self.wire):
            raise CompositionError(
                f"'{self.call}' must name a dtype of the wire if it gives integers, and none if it does not"
            )

    @property
    def name(self) -> str:
        """The call without its arguments."""
        return self.call.partition("(")[0]
