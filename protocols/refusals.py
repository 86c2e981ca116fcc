"""Why a site will not answer an order, as a message's content: a code from a fixed list, and a sentence.

A refusal that means nothing but that there is no report needs none of this: it is an error of Flower's with a
sentence. What the server does something about is said by a code, which no text is searched for.
"""

from dataclasses import dataclass

from flwr.app import ConfigRecord, RecordDict

from isofed.protocols.letter import Letter

REFUSAL = "refusal"
PLAIN, SPENT = "refused", "spent"  # the second: no waiting changes it, the site's privacy budget is spent
CODES = (PLAIN, SPENT)
LONGEST = 2000  # characters of a sentence


@dataclass(frozen=True)
class Said:
    """A refusal as it was read.

    Args:
        code: of :data:`CODES`.
        reason: a sentence.
    """

    code: str
    reason: str


def shown(text: str) -> str:
    """Return what somebody else wrote so that it can be shown: a line, of what can be printed, cut."""
    return "".join(each if each.isprintable() else " " for each in text[:LONGEST])


def refusal_content(code: str, reason: str) -> RecordDict:
    """Return a refusal as a message's content."""
    return RecordDict({REFUSAL: ConfigRecord({"code": code, "reason": reason[:LONGEST]})})


def refusal_in(content: RecordDict) -> Said | None:
    """Return the refusal that a reply is, or None where it is none.

    A code that is not in the list, of a newer or an older version, is an ordinary refusal; what has more in
    it than a refusal is none, and is checked as a report.
    """
    if isinstance(content, Letter):  # a report of this machine's, which need not be opened
        return None
    if set(content) != {REFUSAL} or not isinstance(record := content[REFUSAL], ConfigRecord):
        return None
    fields = dict(record)
    code, reason = fields.get("code"), fields.get("reason")
    if set(fields) != {"code", "reason"} or not isinstance(reason, str) or not reason:
        return Said(PLAIN, "a refusal without a sentence")
    known = code if isinstance(code, str) and code in CODES else PLAIN
    return Said(known, reason[:LONGEST])
