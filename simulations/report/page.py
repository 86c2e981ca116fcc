"""Composes the report and writes it in one step, so that nobody ever reads half a report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isofed.simulations.report.document import Block, document, write_page
from isofed.simulations.report.draws import draws
from isofed.simulations.report.gallery import Gallery, gallery_block, unseen
from isofed.simulations.report.headline import (
    caution,
    heading,
    headline,
    promises,
    results,
    sentence,
    tags,
    warning,
)
from isofed.simulations.report.holdings import holdings
from isofed.simulations.report.learning import learning
from isofed.simulations.report.own import own
from isofed.simulations.report.parts import parts
from isofed.simulations.report.profile import where
from isofed.simulations.report.run import configuration, controls, reproduce, timing
from isofed.simulations.report.scores import scores
from isofed.simulations.report.sites import refusals, sites, unmeasured, what_left


def _title(gallery: Gallery | None) -> str:
    return "Retrieval" if gallery is None or gallery.retrieval else "Samples"


def _sections(
    summary: Mapping[str, Any], history: Mapping[str, Any], gallery: Gallery | None
) -> tuple[Block, ...]:
    """Return (anchor, heading, content) of every section; None where it has nothing to say."""
    pictures = gallery_block(gallery) if gallery is not None and gallery.rows else unseen(summary)
    return (
        ("result", "Result", headline(summary)),
        ("own", "At the sites", own(summary, history)),
        ("measures", "All measures", results(summary)),
        ("parts", "Part by part", parts(summary)),
        ("draws", "Gallery draws", draws(summary)),
        ("scores", "Scores", scores(summary)),
        ("learning", "Learning curves", learning(summary, history)),
        ("retrieval", _title(gallery), pictures),
        ("sites", "Sites", sites(summary)),
        ("holds", "Who holds what", holdings(summary)),
        ("refused", "Reports not counted", refusals(history)),
        ("unmeasured", "Rounds not measured", unmeasured(history)),
        ("left", "What left each site", what_left(summary)),
        ("controls", "Controls", controls(summary)),
        ("time", "Time and memory", timing(summary, history)),
        ("profile", "Where the time went", where(summary)),
        ("reproduce", "How to reproduce", reproduce(summary)),
        ("configuration", "Configuration", configuration(summary)),
    )


def page(summary: Mapping[str, Any], history: Mapping[str, Any], gallery: Gallery | None) -> str:
    """Return the whole document as text."""
    summary = {key: value for key, value in summary.items() if value is not None}
    about = (tags(summary), warning(summary), promises(summary), caution(summary))
    return document(heading(summary), sentence(summary), about, _sections(summary, history, gallery))


def write_report(
    folder: Path, summary: Mapping[str, Any], history: Mapping[str, Any], gallery: Gallery | None
) -> Path:
    """Write ``folder/report.html``, one file that asks nothing of the network, and return its path.

    Args:
        folder: the run's folder; it is made where it is missing.
        summary: the object of ``summary.json``. Measures are fractions from 0 to 1, times are
            seconds, sizes are bytes. Every key may be missing; the page then leaves that part out.
        history: ``{"rounds": [{"round", "seconds", "loss": {site: value}, "metrics", "own"}, ...]}``.
        gallery: retrieved pictures, or None.

    Raises:
        DataError: a measure is no fraction, or a gallery picture is not uint8 of shape (height, width, 3).
    """
    return write_page(folder / "report.html", page(summary, history, gallery))
