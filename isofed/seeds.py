"""Where random numbers come from: public ones from the run's seed, secret ones never.

Public randomness (initialisation, shuffling, augmentation, cohort draws) must be the same on every
machine that repeats a run, so it is a function of (seed, round, site, purpose). Secret randomness
(noise, batch choice under differential privacy, masks, keys) must be unknown to everybody else, so
it is a function of a secret that never stands in a configuration or a message.
"""

import hashlib
import hmac
import json
import os
import secrets as _os_secrets
from dataclasses import dataclass, field
from json.encoder import encode_basestring_ascii as quoted
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence

from isofed.errors import CheckpointError

SECRET_BYTES = 32


def public_key(seed: int, round: int, site: str, purpose: str) -> int:
    """Return the 128-bit integer that (seed, round, site, purpose) stand for."""
    # a list in JSON, by hand, because every site asks for several in every round
    text = f'["isofed/public", {int(seed)}, {int(round)}, {quoted(site)}, {quoted(purpose)}]'
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


def public(seed: int, round: int, site: str, purpose: str) -> np.random.Generator:
    """Return the generator of one public draw.

    Args:
        seed: the run's seed, any integer.
        round: 0 for what happens before the first round.
        site: the site's name, or ``""`` for what all sites share.
        purpose: what is drawn, such as ``"batches"``; two purposes never share numbers.

    Example:
        >>> public(0, 1, "cam1", "batches").integers(10) == public(0, 1, "cam1", "batches").integers(10)
        True
    """
    return _keyed(public_key(seed, round, site, purpose))


@dataclass(frozen=True)
class _Key:
    """What Philox takes its key from, as it is.

    Given the key itself it would first ask the system for entropy, which it then leaves unused.
    """

    key: int

    def generate_state(self, words: int, dtype: Any = np.uint32) -> np.ndarray:
        """Return the key, the low word first."""
        return np.frombuffer(self.key.to_bytes(16, "little"), "<u8")


ISeedSequence.register(_Key)


def _keyed(key: int) -> np.random.Generator:
    """Return the generator of ``Philox(key=key)``."""
    return np.random.Generator(np.random.Philox(_Key(key)))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Secrets:
    """A site's or the server's source of secret bytes.

    ``simulated`` sources are derived from the run's seed so that a simulation repeats; a deployed
    site refuses them. Neither the value nor anything derived from it is ever printed.
    """

    root: bytes = field(repr=False)
    simulated: bool = False

    def derive(self, round: int, attempt: int, purpose: str) -> bytes:
        """Return 32 bytes for one use, HMAC-SHA256(root, use); a new attempt gives fresh bytes."""
        use = json.dumps(["isofed/secret", int(round), int(attempt), purpose]).encode()
        return hmac.new(self.root, use, hashlib.sha256).digest()

    def within(self, run: str) -> "Secrets":
        """Return the source for one run: of two runs of one site no numbers are alike, or their difference
        would be what they hide. A simulation's stay, so that it repeats under another name."""
        return self if self.simulated else Secrets(self.derive(0, 0, f"run {run}"))

    def generator(self, round: int, attempt: int, purpose: str) -> np.random.Generator:
        """Return a generator keyed by :meth:`derive`: for choices that others must not know, never for noise
        or keys, which take the bytes."""
        return _keyed(int.from_bytes(self.derive(round, attempt, purpose)[:16], "little"))


def simulated_secrets(seed: int, site: str) -> Secrets:
    """Return the stand-in secret of a simulated site: a function of the seed, hence no secret."""
    return Secrets(hashlib.sha256(json.dumps(["isofed/sim", seed, site]).encode()).digest(), True)


def site_secrets(path: Path) -> Secrets:
    """Return the secret kept at ``path`` (mode 0600), made from the system's entropy if missing.

    Raises:
        CheckpointError: the file does not hold a secret's number of bytes.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # beside and renamed: a process killed in between must not leave an empty secret behind
        beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
        beside.touch(mode=0o600)
        beside.write_bytes(_os_secrets.token_bytes(SECRET_BYTES))
        beside.replace(path)
    root = path.read_bytes()
    if len(root) != SECRET_BYTES:
        raise CheckpointError(
            f"this site's secret holds {len(root)} bytes instead of {SECRET_BYTES}; restore it from a backup"
        )
    return Secrets(root)
