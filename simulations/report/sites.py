"""The sites of a run: who they are, and what left each of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from isofed.simulations.report.learning import rounds_of
from isofed.simulations.report.markup import Raw, el, join
from isofed.simulations.report.tables import Table, table
from isofed.simulations.report.words import duration, integer, number, part, percent, plural, size, text

Column = tuple[str, str, Callable[[object], str]]
# key in the summary, head of the column, how the value is written
COLUMNS: tuple[Column, ...] = (
    ("modality", "modality", text),
    ("place", "place", text),
    ("identities", "identities", integer),
    ("images", "images", integer),
    ("held_out", "held out", integer),
    ("steps", "steps", integer),
    ("weight", "weight, %", percent),
    ("seconds", "training time", duration),
    ("down", "received", size),
    ("up", "sent", size),
)
MAY_LEAVE = "identity centres may leave, as plain means without noise"
CENTRES = {
    "none": "By the option centres=none, identity centres stay at their site.",
    "plain": f"By the option centres=plain, {MAY_LEAVE}.",
    "with_rows": f"By the option centres=with_rows, {MAY_LEAVE}, and these identities' rows of the head.",
}


def sites(summary: Mapping[str, Any]) -> Raw | None:
    """Return one row for each site, with the columns that at least one site has."""
    about, moved = part(summary, "sites"), part(summary, "bytes")
    known = {str(s): {**part(about, s), **part(moved, s)} for s in dict.fromkeys([*about, *moved])}
    plurals = {key: plural(word) for key, word in named(summary).items()}
    columns = [c for c in (*_further(about), *COLUMNS) if any(c[0] in given for given in known.values())]
    if not known:
        return None
    rows = [[site, *[show(given.get(key)) for key, _, show in columns]] for site, given in known.items()]
    summed = ("images", "steps", "down", "up")
    sums = {k: sum(number(g.get(k)) or 0 for g in known.values()) for k in summed}
    if len(known) > 1:
        rows.append(["all sites", *[show(sums[k]) if k in sums else "" for k, _, show in columns]])
    words = frozenset({0, *[n for n, c in enumerate(columns, 1) if c[2] is text]})
    heads = ("site", *[plurals.get(head, head) for _, head, _ in columns])
    return table(Table("Sites, and bytes over the whole run", heads, rows, words, total=len(known) > 1))


def _further(about: Mapping[str, Any]) -> list[Column]:
    """Return a column for each further fact that a layout tells of its sites, such as their cameras."""
    keys = dict.fromkeys(str(k) for s in about for k, v in part(about, s).items() if isinstance(v, str | int))
    return [(k, k.replace("_", " "), text) for k in keys if k not in {column[0] for column in COLUMNS}]


def refusals(history: Mapping[str, Any]) -> Raw | None:
    """Return which site's reports were not counted, how often and why; None where all were."""
    told: dict[tuple[str, str], list[int]] = {}
    for entry in rounds_of(history):
        for site, reason in {**part(entry, "missing"), **part(entry, "refused")}.items():
            told.setdefault((str(site), str(reason)), []).append(round(entry["round"]))
    if not told:
        return None
    rows = [[site, why, integer(len(rounds)), _listed(rounds)] for (site, why), rounds in told.items()]
    heads = ("site", "why", "reports", "rounds")
    return table(Table("Reports that were not counted", heads, rows, frozenset({0, 1})))


def unmeasured(history: Mapping[str, Any]) -> Raw | None:
    """Return behind which rounds nobody was there to measure, and why; None where somebody always was."""
    told = {
        round(entry["round"]): str(entry["unmeasured"])
        for entry in rounds_of(history)
        if "unmeasured" in entry
    }
    rows = [[integer(number), why] for number, why in told.items()]
    heads = ("round", "why")
    return table(Table("Rounds that were not measured", heads, rows, frozenset({1}))) if rows else None


def _listed(rounds: Sequence[int], most: int = 6) -> str:
    more = f" and {len(rounds) - most} more" if len(rounds) > most else ""
    return ", ".join(map(str, rounds[:most])) + more


def _contract(contract: Mapping[str, Any]) -> Raw | None:
    lists = [("Leaves the site", "leaves", "leaves"), ("Never leaves the site", "never", "never")]
    cards = [_card(title, contract[key], kind) for title, key, kind in lists if contract.get(key)]
    level, client = contract.get("level"), contract.get("client")
    said = [f"Privacy level “{level}”"] if level else []
    said += [f"a client is {client}"] if client else []
    more = [CENTRES.get(str(contract.get("centres"))), _declared(contract.get("declared"))]
    first = el("p", " ".join([": ".join(said).capitalize() + ".", *filter(None, more)])) if said else None
    return join([first, el("div", *cards, class_="pair cards") if cards else None])


def _declared(levels: object) -> str | None:
    if not isinstance(levels, list | tuple) or not levels:
        return None
    named = " and ".join(f"“{level}”" for level in dict.fromkeys(map(str, levels)))
    return f"The owners of the data declared {named}: they may be used under that level or a stricter one."


def _card(title: str, items: Sequence[object], kind: str) -> Raw:
    listed = el("ul", *[el("li", str(item)) for item in items])
    return el("div", el("h3", title), listed, class_=f"card {kind}")


def _channels(left: Mapping[str, Any]) -> tuple[str, ...]:
    named = (name for site in left for name, value in part(left, site).items() if isinstance(value, Mapping))
    return tuple(dict.fromkeys(named))


def _cell(channel: Mapping[str, Any]) -> Raw:
    sent = number(channel.get("messages"))
    many = el("small", f"in {integer(sent)} message{'' if sent == 1 else 's'}") if sent is not None else None
    return join([size(channel.get("bytes")), many])


def _row_cells(channel: Mapping[str, Any]) -> list[str]:
    return [integer(channel.get("rows_sent")), integer(channel.get("rows_withheld"))]


def _is_table(left: Mapping[str, Any], channel: str) -> bool:
    keys = ("rows_sent", "rows_withheld")
    return any(key in part(left, site, channel) for site in left for key in keys)


def _left_table(left: Mapping[str, Any]) -> Raw:
    channels = _channels(left)
    tables = frozenset(c for c in channels if _is_table(left, c))
    heads = ["site"]
    for channel in channels:
        heads += [channel] + ([f"{channel}: rows sent", "rows withheld"] if channel in tables else [])
    rows = []
    for site in left:
        row: list[str | Raw] = [str(site)]
        for channel in channels:
            found = part(left, site, channel)
            row += [_cell(found), *(_row_cells(found) if channel in tables else [])]
        rows.append(row)
    return table(Table("What left each site over the whole run", tuple(heads), rows))


def _scalars(left: Mapping[str, Any]) -> Raw | None:
    told = {str(s): tuple(str(n) for n in part(left, s).get("scalars") or ()) for s in left}
    if not any(told.values()):
        return None
    if len(set(told.values())) == 1:
        names = next(iter(told.values()))
        return el("p", f"Besides, every site sent these plain numbers: {', '.join(names)}.")
    lists = [el("li", f"{site}: {', '.join(names) or 'none'}") for site, names in told.items()]
    return join([el("p", "Besides, the sites sent these plain numbers:"), el("ul", *lists)])


def named(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return what a task calls its samples and what its labels name, by the keys that count them."""
    words = part(summary, "words")
    return {"images": str(words.get("sample", "image")), "identities": str(words.get("label", "identity"))}


def _withheld(left: Mapping[str, Any], least: object, sample: str) -> Raw | None:
    if not any(_is_table(left, c) for c in _channels(left)) or number(least) is None:
        return None
    part_of_it = f"where one {sample} makes up more than 1/{integer(least)} of it"
    said = f"A row stays at its site, and counts as withheld, {part_of_it}, or its person was not drawn."
    return el("p", said, class_="note")


def what_left(summary: Mapping[str, Any]) -> Raw | None:
    """Return the contract in plain words and the ledger of what left under it."""
    contract, left = part(summary, "contract"), part(summary, "left")
    if not contract and not left:
        return None
    ledger = (
        [
            _left_table(left),
            _withheld(left, contract.get("min_images"), named(summary)["images"]),
            _scalars(left),
        ]
        if left
        else []
    )
    return join([_contract(contract), *ledger])
