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
from pathlib import Path

import numpy as np

from isofed.errors import CheckpointError

SECRET_BYTES = 32


def public_key(seed: int, round: int, site: str, purpose: str) -> int:
    """Return the 128-bit integer that (seed, round, site, purpose) stand for."""
    text = json.dumps(["isofed/public", int(seed), int(round), site, purpose])
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
    return np.random.Generator(np.random.Philox(key=public_key(seed, round, site, purpose)))


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

    def generator(self, round: int, attempt: int, purpose: str) -> np.random.Generator:
        """Return a generator keyed by :meth:`derive`: for choices that others must not know, never for noise
        or keys, which take the bytes."""
        key = int.from_bytes(self.derive(round, attempt, purpose)[:16], "little")
        return np.random.Generator(np.random.Philox(key=key))


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
