"""Torch's own random numbers, as dropout draws them, for the length of a block."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(device: str, seed: int | None = None) -> Iterator[None]:
    """Put torch's generators back as they were when the block ends, and seed them when it begins.

    As ``torch.random.fork_rng`` with ``torch.manual_seed`` does, without looking at every kind of device that
    torch knows, and without the stack trace that is taken where there is no GPU.

    Args:
        device: where the block computes, such as ``cpu`` or ``cuda:0``; other devices are left alone.
        seed: of the generators of the CPU and of that device, at least 0; None leaves them where they are.
    """
    generators = [torch.default_generator]
    if torch.device(device).type == "cuda":
        torch.cuda.init()
        generators.append(torch.cuda.default_generators[torch.device(device).index or 0])
    states = [generator.get_state() for generator in generators]
    try:
        for generator in generators if seed is not None else ():
            generator.manual_seed(seed)  # type: ignore[arg-type]
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
