"""What a site has spent of its privacy budget: a file that only grows, written before anything leaves.

A line a reply, with its own checksum, forced to the disk. What a crash cut short was followed by no reply, so
that it counts for nothing and is cut off; a line that is damaged further up is never passed over.
"""

import fcntl
import json
import os
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isofed.errors import BudgetError, CheckpointError, SpentError
from isofed.protocols.accounts.epsilon import by_unit
from isofed.protocols.local_privacy import Spend


@dataclass(frozen=True)
class Reply:
    """Which reply something is spent for.

    Args:
        run: name.
        round, attempt: counted from 1; another attempt is another reply, and spends again.
    """

    run: str
    round: int
    attempt: int


@dataclass(frozen=True)
class Charge:
    """What one reply cost."""

    reply: Reply
    spend: Spend
    time: str = ""


@dataclass(frozen=True)
class Limit:
    """The most that may be spent of every unit.

    Args:
        epsilon: ε, above 0.
        delta: δ, above 0 and below 1.
        said: where it stands, for the sentence that refuses.
        run: of this run alone, or ``""`` for all runs together.
        accountant: by which ε is counted.
    """

    epsilon: float
    delta: float
    said: str
    run: str = ""
    accountant: str = "prv"


@dataclass(frozen=True)
class Budget:
    """A site's account of what it spent, kept over runs and restarts.

    Args:
        path: of the file.
        durable: whether a charge waits for the disk, as where replies really leave.
    """

    path: Path
    durable: bool = True

    def charges(self) -> list[Charge]:
        """Return every charge, in the order in which they were made.

        Raises:
            CheckpointError: the file is damaged.
        """
        return _read(self.path.read_bytes())[0] if self.path.exists() else []

    def refuse(self, reply: Reply, spend: Spend, limits: Iterable[Limit]) -> None:
        """Raise SpentError if a reply would cost more than is left; one that is paid for costs nothing."""
        _refuse(self.charges(), Charge(reply, spend), limits)

    def charge(self, reply: Reply, spend: Spend, limits: Iterable[Limit] = ()) -> None:
        """Write down what a reply costs, once, before it may be stored or leave.

        Args:
            reply: charged for already, it is not charged again.
            spend: its cost.
            limits: none of which it may pass.

        Raises:
            SpentError: it would cost more than is left.
            BudgetError: it was paid for at another price.
            CheckpointError: the file is damaged.
        """
        with self._alone() as file:
            known, whole = _read(_all_of(file))
            charge = Charge(reply, spend, time.strftime("%Y-%m-%dT%H:%M:%S%z"))
            if _refuse(known, charge, limits):
                return
            os.ftruncate(file, whole)
            os.lseek(file, 0, os.SEEK_END)
            _write(file, _line(charge))
            self._settle(file)

    @contextmanager
    def _alone(self) -> Iterator[int]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)

    def _settle(self, file: int) -> None:
        """Wait for the disk; for the folder too, or a file that was made just now could be gone."""
        if not self.durable:
            return
        os.fsync(file)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def spent(
    charges: Iterable[Charge], delta: float, accountant: str = "prv", run: str = ""
) -> dict[str, float]:
    """Return ε by unit of all charges, or of one run's."""
    found = [(each.spend.unit, each.spend) for each in charges if run in ("", each.reply.run)]
    return dict(by_unit(found, delta, accountant))


def _refuse(known: list[Charge], charge: Charge, limits: Iterable[Limit]) -> bool:
    """Return whether a charge stands already; raise BudgetError where it may not be made."""
    paid = next((each.spend for each in known if each.reply == charge.reply), None)
    if paid is not None and paid != charge.spend:
        raise BudgetError(
            "this reply was paid for at another price than it has now: the site's data or the run's privacy "
            "changed meanwhile; start a new run"
        )
    if paid is None:
        for limit in limits:
            _within(known, charge, limit)
    return paid is not None


def _within(known: list[Charge], charge: Charge, limit: Limit) -> None:
    unit = charge.spend.unit
    after = spent([*known, charge], limit.delta, limit.accountant, limit.run)[unit]
    if after > limit.epsilon:
        before = spent(known, limit.delta, limit.accountant, limit.run).get(unit, 0.0)
        raise SpentError(
            f"the privacy budget of this site is spent: with this reply every {unit} would have given away "
            f"epsilon {after:.3g} at delta {limit.delta:g}, so far {before:.3g}, and {limit.said} allows "
            f"{limit.epsilon:g}; end the run here, or have the limit raised"
        )


def _line(charge: Charge) -> bytes:
    told = {**asdict(charge.reply), **asdict(charge.spend), "time": charge.time}
    text = json.dumps(told)
    return f"{zlib.crc32(text.encode()):08x} {text}\n".encode()


def _read(text: bytes) -> tuple[list[Charge], int]:
    """Return the charges, and how many bytes of the file are whole."""
    *lines, cut = text.split(b"\n")
    found = [_charge(line, number) for number, line in enumerate(lines, 1)]
    return found, len(text) - len(cut)


def _charge(line: bytes, number: int) -> Charge:
    checksum, _, text = line.partition(b" ")
    if f"{zlib.crc32(text):08x}".encode() != checksum:
        raise CheckpointError(
            f"line {number} of this site's privacy budget is damaged, so that nobody knows what was spent; "
            "restore it from a backup, or let no more runs at this site's data"
        )
    told: dict[str, Any] = json.loads(text)
    made, at = told.pop("time"), Reply(*(told.pop(key) for key in ("run", "round", "attempt")))
    return Charge(at, Spend(**told), made)


def _all_of(file: int) -> bytes:
    os.lseek(file, 0, os.SEEK_SET)
    return os.read(file, os.fstat(file).st_size)


def _write(file: int, text: bytes) -> None:
    while text:
        text = text[os.write(file, text) :]
