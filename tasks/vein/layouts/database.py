"""What a published database looks like on disk: one description, from which it is read, checked and written.

A template such as ``{session}/raw_data/{subject:03}_{finger}/{sample:02}.jpg`` spells the path of a picture
below the root. Its fields::

    subject, sample    numbers as published; a sample counts within its session
    trial              a sample that counts on over the sessions
    identity           a finger that counts on over the subjects
    finger, session    one of the database's words, in order
    *                  anything; without a sample or trial the order of names counts the samples

Reading is tolerant of further folders above, of capitals and of the number of digits; other files, such as
Thumbs.db, are passed over.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from string import Formatter

NUMBERS = ("subject", "sample", "trial", "identity")


@dataclass(frozen=True)
class Part:
    """Pictures of one kind.

    Attributes:
        template: where they lie.
        height, width: of each, as published, pixels.
        kind: of file: ``JPEG``, ``BMP`` or ``PNG``.
        crop: how the finger is cut out, a key of ``CROPS`` in tasks/vein/layouts/crop.py.
        wild: what a writer puts for each ``*``, with ``|`` between them; the last goes on.
        certain: whether height and width could be seen somewhere.
        veins: what is seen of a finger, where a database's sensors see different sides of it.
    """

    template: str
    height: int
    width: int
    kind: str
    crop: str
    wild: str = ""
    certain: bool = True
    veins: str = ""


@dataclass(frozen=True)
class Database:
    """A published database.

    Attributes:
        name: as written in ``data.layout=``.
        title: as its authors call it.
        subjects: how many, as published.
        fingers: of each subject, as names spell them; one empty word where names do not tell.
        sessions: as names spell them; empty words where they do not tell.
        samples: pictures of each finger in each session, as published.
        parts: kinds of pictures by name; the first is read unless another is asked for.
        images: pictures in each part as published, 0 for subjects x fingers x sessions x samples.
        unverified: what stands here from hearsay, in words for the check.
        sensors: whether each part is what another sensor took; else they are the same pictures again.
    """

    name: str
    title: str
    subjects: int
    fingers: tuple[str, ...]
    sessions: tuple[str, ...]
    samples: int
    parts: dict[str, Part]
    images: int = 0
    unverified: tuple[str, ...] = ()
    sensors: bool = False

    def part(self, name: str = "") -> Part:
        """Return a kind of pictures; the first where no name is given."""
        return self.parts[name or next(iter(self.parts))]

    def total(self) -> int:
        """Return the pictures of a whole copy."""
        return self.images or self.subjects * len(self.fingers) * len(self.sessions) * self.samples


@dataclass(frozen=True, order=True)
class Take:
    """Whom one picture shows, numbers from 1: subject, finger of theirs, session, sample in it."""

    subject: int
    finger: int
    session: int
    sample: int


def spelt(database: Database, part: Part, take: Take, wild: str = "") -> str:
    """Return the path of a picture below the root, as a writer spells it; ``wild`` as in :class:`Part`."""
    fields = {
        "subject": take.subject,
        "sample": take.sample,
        "trial": (take.session - 1) * database.samples + take.sample,
        "identity": (take.subject - 1) * len(database.fingers) + take.finger,
        "finger": database.fingers[take.finger - 1],
        "session": database.sessions[take.session - 1],
    }
    pieces, fillings = part.template.split("*"), (wild or part.wild).split("|")
    filled = [fillings[min(at, len(fillings) - 1)] for at in range(len(pieces) - 1)]
    return "".join(map("".join, zip_longest(pieces, filled, fillvalue=""))).format(**fields)


def pattern(database: Database, part: Part) -> re.Pattern[str]:
    """Return what the path of a picture must match, with a group for each field."""
    words = {"finger": database.fingers, "session": database.sessions}
    return re.compile("(?:.*/)?" + "".join(_pieces(part.template, words)), re.IGNORECASE)


def understood(database: Database, paths: Sequence[str], found: re.Pattern[str]) -> list[tuple[Take, str]]:
    """Return whom the pictures show, and their paths, in order of that; others are passed over.

    Args:
        database: whose paths these are.
        paths: below the root, with ``/``, in the order of names.
        found: of :func:`pattern`.
    """
    seen: dict[tuple[int, int, int], int] = {}
    takes = []
    for path in paths:
        match = found.fullmatch(path)
        if match:
            takes.append((_take(database, match.groupdict(), seen), path))
    return sorted(takes)


def _take(database: Database, fields: dict[str, str], seen: dict[tuple[int, int, int], int]) -> Take:
    """Read the fields; ``seen`` counts the samples of every finger and session so far."""
    numbers = {name: int(fields[name]) for name in NUMBERS if name in fields}
    subject, finger = numbers.get("subject", 0), _place(database.fingers, fields.get("finger"))
    if "identity" in numbers:
        whole, rest = divmod(numbers["identity"] - 1, len(database.fingers))
        subject, finger = whole + 1, rest + 1
    session, sample = _place(database.sessions, fields.get("session")), numbers.get("sample", 0)
    if "trial" in numbers:
        whole, rest = divmod(numbers["trial"] - 1, database.samples)
        session, sample = whole + 1, rest + 1
    key = (subject, finger, session)
    seen[key] = seen.get(key, 0) + 1
    return Take(*key, sample if {"sample", "trial"} & set(numbers) else seen[key])


def _place(words: Sequence[str], word: str | None) -> int:
    return 1 if word is None else [known.lower() for known in words].index(word.lower()) + 1


def _pieces(template: str, words: dict[str, tuple[str, ...]]) -> Iterator[str]:
    named: set[str] = set()
    for text, field, _, _ in Formatter().parse(template):
        yield r"[^/]*".join(map(re.escape, text.split("*")))
        if field in named:
            yield f"(?P={field})"
        elif field is not None:
            named.add(field)
            choice = "|".join(map(re.escape, words[field])) if field in words else r"\d{1,7}"
            yield f"(?P<{field}>{choice})"
