"""The named privacy pipelines: what ``privacy=`` can be."""

from collections.abc import Callable

from isofed.protocols.pipeline import Pipeline
from isofed.protocols.step import Step
from isofed.protocols.steps.adaptive import adaptive, share_of
from isofed.protocols.steps.clip import clip
from isofed.protocols.steps.gaussian import gaussian
from isofed.protocols.steps.quantise import quantise
from isofed.protocols.steps.statistics import shares, statistics
from isofed.protocols.steps.top_k import top_k
from isofed.protocols.steps.tree import tree
from isofed.suggest import pick


def none() -> Pipeline:
    """Send updates as they are."""
    return Pipeline()


def clipped(norm: float = 1.0) -> Pipeline:
    """Clip every update to a norm.

    Args:
        norm: C, above 0; see :func:`~isofed.protocols.steps.clip.clip`.
    """
    return Pipeline((clip(norm),))


def noisy(
    norm: float = 1.0,
    noise: float = 1.0,
    clipping: str = "fixed",
    quantile: float = 0.5,
    rate: float = 0.2,
    counts: float | None = None,
    sampling: str = "public",
    delta: float = 1e-5,
    buffers: str = "local",
    buffers_share: float = 0.1,
    buffers_norm: float = 1.0,
) -> Pipeline:
    """Clip every update, and add Gaussian noise to their sum at the server.

    Args:
        norm: C, above 0; with adaptive clipping that of the first round.
        noise: z, above 0, of everything that a round tells of a site; the noise's standard deviation is z·C,
            and more beside a noised count or released statistics. See
            :func:`~isofed.protocols.steps.gaussian.gaussian`.
        clipping: ``fixed``, or ``adaptive``: C follows a quantile of the updates' norms.
        quantile, rate, counts: γ, η and σ of :func:`~isofed.protocols.steps.adaptive.adaptive`; σ is z where
            it is not given.
        sampling: ``public``, or ``secret``: each site is asked with chance cohort / sites by the server's own
            secrets, and the sum is divided by the cohort expected.
        delta: δ for which ε is told.
        buffers: ``local``: running statistics stay at the sites, and what would send them is refused; or
            ``released``: they leave as changes, clipped and noised as a part of their own.
        buffers_share: s, what they take of z⁻², above 0 and below 1: the model's noise becomes z / √(1 - s),
            theirs is z / √s.
        buffers_norm: C_b, the joint norm to which a site's change of them is clipped, above 0.
    """
    pick("clipping", clipping, dict.fromkeys(("fixed", "adaptive")))
    first, left = clip(norm), noise
    if clipping == "adaptive":
        counts = noise if counts is None else counts
        first, left = adaptive(norm, quantile, rate, counts, delta, sampling), share_of(noise, counts)
    made = parts(lambda z: gaussian(z, delta, sampling), left, buffers, buffers_share, buffers_norm)
    return Pipeline((first, *made))


def parts(
    noisy: Callable[[float], Step], noise: float, buffers: str, share: float, norm: float
) -> list[Step]:
    """Return the noise on the model's sum, and that on running statistics' where they are released.

    Args:
        noisy: from a noise multiplier to the step that adds it.
        noise: z of all that is added here.
        buffers, share, norm: as in :func:`noisy`.
    """
    pick("buffers", buffers, dict.fromkeys(("local", "released")))
    if buffers == "local":
        return [noisy(noise)]
    model, beside = shares(noise, share)
    return [noisy(model), statistics(noisy(beside), norm)]


def shared(
    norm: float = 1.0,
    noise: float = 1.0,
    honaker: bool = False,
    delta: float = 1e-5,
    buffers: str = "local",
    buffers_share: float = 0.1,
    buffers_norm: float = 1.0,
) -> Pipeline:
    """Clip every update, and add noise to their sum that rounds share, as DP-FTRL does.

    No sampling makes it smaller, and none has to be secret: best where each site is asked in few rounds.

    Args:
        norm: C, above 0.
        noise: z, above 0; the noise of every node has standard deviation z·C, and more beside released
            statistics. See :func:`~isofed.protocols.steps.tree.tree`.
        honaker: whether each node is estimated from those below it, too: less noise, twice the draws.
        delta: δ for which ε is told.
        buffers, buffers_share, buffers_norm: as in :func:`noisy`.
    """
    made = parts(lambda z: tree(z, honaker, delta), noise, buffers, buffers_share, buffers_norm)
    return Pipeline((clip(norm), *made))


def quantised(norm: float = 1.0, bits: int = 8) -> Pipeline:
    """Clip every update, and round it at random to few levels, which travel as integers.

    Args:
        norm: C, above 0.
        bits: b, 2 to 16; see :func:`~isofed.protocols.steps.quantise.quantise`.
    """
    return Pipeline((clip(norm), quantise(bits)))


def noisy_quantised(
    norm: float = 1.0,
    noise: float = 1.0,
    bits: int = 16,
    buffers: str = "local",
    buffers_share: float = 0.1,
    buffers_norm: float = 1.0,
) -> Pipeline:
    """Clip every update, round it to few levels, hold it to the norm again, and add noise to the sum.

    Rounding makes an update longer, by up to s·√d; the server so clips once more, and of coarse levels on
    many parameters little is left.

    Args:
        norm, noise: as in :func:`noisy`.
        bits: as in :func:`quantised`.
        buffers, buffers_share, buffers_norm: as in :func:`noisy`; they are not rounded.
    """
    model, *beside = parts(gaussian, noise, buffers, buffers_share, buffers_norm)
    return Pipeline((clip(norm), model, quantise(bits), *beside))


def sparse(fraction: float = 0.1, norm: float | None = None) -> Pipeline:
    """Send the largest entries of every update alone.

    Args:
        fraction: p, above 0 and at most 1; see :func:`~isofed.protocols.steps.top_k.top_k`.
        norm: C, to which what is left is clipped, or None.
    """
    return Pipeline((top_k(fraction),) if norm is None else (top_k(fraction), clip(norm)))


def sparse_quantised(fraction: float = 0.1, norm: float = 1.0, bits: int = 8) -> Pipeline:
    """Send the largest entries of every update alone, clipped and rounded to few levels.

    Args:
        fraction: as in :func:`sparse`.
        norm, bits: as in :func:`quantised`.
    """
    return Pipeline((top_k(fraction), clip(norm), quantise(bits)))


PRIVACY: dict[str, Callable[..., Pipeline]] = {
    "none": none,
    "clip": clipped,
    "gaussian": noisy,
    "tree": shared,
    "quantise": quantised,
    "gaussian_quantise": noisy_quantised,
    "top_k": sparse,
    "top_k_quantise": sparse_quantised,
}
