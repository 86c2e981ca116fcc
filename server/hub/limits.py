"""What keeps strangers from tiring the enrolment service: a limit on requests, challenges without memory."""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

MOST = 4096  # addresses that are remembered
NONCE_SECONDS = 60.0
_TIME, _DRAWN, _MARK = 8, 16, 32


@dataclass(frozen=True)
class Limits:
    """A bucket of requests for each address: full at first, refilled evenly.

    Args:
        burst: requests at once.
        per_second: how fast the bucket fills again.
        clock: seconds, only going on.
    """

    burst: float = 240.0
    per_second: float = 10.0
    clock: Callable[[], float] = time.monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def admits(self, who: str) -> bool:
        """Count a request; False where there were too many."""
        with self._lock:
            now = self.clock()
            left, then = self._left.pop(who, (self.burst, now))
            left = min(self.burst, left + (now - then) * self.per_second)
            # last in the order: who was not heard of for longest stands first, and is forgotten first
            self._left[who] = (max(0.0, left - 1.0), now)
            if len(self._left) > MOST:
                del self._left[next(iter(self._left))]
            return left >= 1.0


@dataclass(frozen=True)
class Challenges:
    """Numbers to sign: each is good for one name, for a minute, once.

    A number carries its own mark (HMAC-SHA-256 under a key drawn at the start), so that nothing is kept for
    those who ask and never come back; kept are only those that a true signature used up.

    Args:
        clock: seconds since 1970.
    """

    clock: Callable[[], float] = time.time
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _used: dict[bytes, float] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def new(self, name: str) -> bytes:
        """Draw one for a name."""
        body = int(self.clock() * 1000).to_bytes(_TIME, "big") + secrets.token_bytes(_DRAWN)
        return body + self._mark(name, body)

    def holds(self, name: str, nonce: bytes) -> bool:
        """Tell whether one was drawn for a name, within the last minute."""
        body, mark = nonce[: _TIME + _DRAWN], nonce[_TIME + _DRAWN :]
        age = self.clock() - int.from_bytes(body[:_TIME], "big") / 1000
        return hmac.compare_digest(mark, self._mark(name, body)) and 0 <= age + 0.001 < NONCE_SECONDS

    def use(self, nonce: bytes) -> bool:
        """Use one up, after its signature was found true; False where it had been."""
        with self._lock:
            now = self.clock()
            for old in [each for each, until in self._used.items() if until < now]:
                del self._used[old]
            fresh = nonce not in self._used
            self._used[nonce] = now + NONCE_SECONDS
            return fresh

    def _mark(self, name: str, body: bytes) -> bytes:
        return hmac.new(self._key, body + name.encode(), hashlib.sha256).digest()
