"""What is measured, part by part, and the lines that are read from it."""

from dataclasses import dataclass

from acceptance import Line, far, faster, lighter, over_faster, slower, told, weight

HONEST_MOST = 1.02
SAME = 1.05  # two times of one length differ by less on a quiet machine


@dataclass(frozen=True)
class Part:
    """A workload's engines in turns.

    Args:
        engines: in the order in which they start.
        base: whose time the table divides by.
        laps: at most.
        seconds: after which no further lap begins; what a quiet machine of two cores does not reach.
    """

    engines: tuple[str, ...]
    base: str
    laps: int
    seconds: float


PARTS = {
    "cnn": Part(
        ("bare", "bare1", "bare1x2", "isofed1", "isofed2", "pfl1", "pfl2", "flower"), "bare", 6, 180.0
    ),
    "head": Part(
        (
            "bare",
            "bare1",
            "bare1x2",
            "isofed",
            "isofed1",
            "isofed2",
            "isofed1_traced",
            "isofed2_traced",
            "isofed_together",
            "isofed1_together",
            "pfl1",
            "pfl2",
        ),
        "bare",
        20,
        90.0,
    ),
    "bottleneck": Part(("bare", "bare1x2", "isofed", "isofed2"), "bare", 6, 120.0),
    "bytes": Part(("copy", "bare1", "isofed", "isofed1", "isofed2"), "copy", 10, 60.0),
    "messages": Part(("flower", "bare1", "isofed1", "isofed2"), "isofed1", 6, 100.0),
}
# how the machine's two cores add up: a small round by one thread, by two, by two processes
SCALING = Part(("bare", "bare1", "bare1x2"), "bare1", 8, 20.0)
# rounds and users of each workload's reference beside bare.py: seconds each, and the ratio settles
HONEST = {"cnn": (20, 5), "head": (40, 25), "bottleneck": (8, 1), "bytes": (12, 2)}
POPULATION_ROUNDS = 16

_STACKED = ("isofed2", "isofed2_traced", "isofed_together", "isofed1_together")
_SEQUENTIAL = ("isofed", "isofed1", "isofed1_traced")
_TWO = faster(("bare1x2",), "bare")
LINES = (
    *(
        Line("honest", f"bare loop / its reference, CPU, {name}", told(name), HONEST_MOST, form=".3f")
        for name in HONEST
    ),
    Line(
        *("cnn", "two workers / bare loop", faster(("isofed2",), "bare"), 0.70),
        aim="0.60",
        over=over_faster(("isofed2",)),
        floor=_TWO,
    ),
    *(
        Line("cnn", words, faster((ours,), peer), 1.0, open=True, needs=(peer,))
        for words, ours, peer in (
            ("two workers / pfl's two processes", "isofed2", "pfl2"),
            ("two workers / Flower's two actors", "isofed2", "flower"),
            ("one process / pfl's one", "isofed1", "pfl1"),
        )
    ),
    *(
        Line(
            *("cnn", f"peak memory ({kind.upper()}) / {words}", lighter("isofed2", peer, kind), 1.0),
            open=True,
            needs=(peer,),
        )
        for kind in ("pss", "rss")
        for peer, words in (("pfl2", "pfl's"), ("flower", "Flower's"))
    ),
    *(
        Line("cnn", f"weights, {words} - bare loop", far(name, "bare1"), 0.0, form=".1e")
        for name, words in (("isofed1", "one process"), ("isofed2", "two workers"))
    ),
    Line(
        *("head", "workers or cohorts / bare loop", faster(_STACKED, "bare"), 0.35),
        aim="0.20",
        over=over_faster(_STACKED),
        floor=_TWO,
    ),
    Line("head", "one process, one site after another / bare loop", faster(_SEQUENTIAL, "bare"), 0.85),
    Line(
        *("bottleneck", "isofed / bare loop", faster(("isofed", "isofed2"), "bare"), 1.0),
        aim="0.88",
        floor=_TWO,
    ),
    *(
        Line(
            *("bottleneck", f"its peak memory, GB ({kind.upper()})"),
            *(weight(("isofed", "isofed2"), "bare", kind), 1.0),
            open=True,
        )
        for kind in ("pss", "rss")
    ),
    Line("bytes", "isofed / copy of the bytes", faster(("isofed", "isofed1", "isofed2"), "copy"), 6.0),
    Line(
        *("messages", "Flower's Ray engine / isofed", slower("flower", ("isofed1", "isofed2")), 20.0),
        turned=True,
        needs=("flower",),
        form=".1f",
    ),
    Line("population", "MB more with 1,000,000 clients", told("peak_megabytes_more"), 200.0, form=".1f"),
    Line("population", "its round / that with 1,000", told("round_ratio"), SAME),
)
