"""Composes the page and writes it in one step, so that nobody ever reads half a report."""

import base64
import hashlib
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from isofed.simulations.report.gallery import Gallery, gallery_block
from isofed.simulations.report.headline import heading, headline, results, sentence, tags, warning
from isofed.simulations.report.learning import learning
from isofed.simulations.report.markup import Raw, el, join, unbroken
from isofed.simulations.report.run import configuration, controls, reproduce, timing
from isofed.simulations.report.sites import sites, what_left


def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """Return the policy that keeps the page from fetching anything or running any other script."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _sections(
    summary: Mapping[str, Any], history: Mapping[str, Any], gallery: Gallery | None
) -> list[tuple[str, str, Raw]]:
    """Return (anchor, heading, content) of every section that has something to say."""
    pictures = gallery_block(gallery) if gallery is not None and gallery.rows else None
    plan = (
        ("result", "Result", headline(summary)),
        ("measures", "All measures", results(summary)),
        ("learning", "Learning curves", learning(summary, history)),
        ("retrieval", "Retrieval", pictures),
        ("sites", "Sites", sites(summary)),
        ("left", "What left each site", what_left(summary)),
        ("controls", "Controls", controls(summary)),
        ("time", "Time and memory", timing(summary, history)),
        ("reproduce", "How to reproduce", reproduce(summary)),
        ("configuration", "Configuration", configuration(summary)),
    )
    return [(anchor, title, content) for anchor, title, content in plan if content is not None]


def _head(title: str, script: str) -> Raw:
    return el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", f"{title} · isofed"),
        el("style", Raw(_resource("style.css"))),
    )


def page(summary: Mapping[str, Any], history: Mapping[str, Any], gallery: Gallery | None) -> str:
    """Return the whole document as text."""
    summary = {key: value for key, value in summary.items() if value is not None}
    title, script = heading(summary), _resource("script.js")
    blocks = _sections(summary, history, gallery)
    links = [el("li", el("a", name, href=f"#{anchor}")) for anchor, name, _ in blocks]
    lead = el("p", unbroken(sentence(summary)), class_="lead")
    top = el("header", el("h1", unbroken(title)), lead, tags(summary), warning(summary))
    contents = el("nav", el("ul", *links), aria_label="Sections")
    body = [el("section", el("h2", name), content, id=anchor) for anchor, name, content in blocks]
    main = el("main", top, contents, *body)
    whole = el("html", _head(title, script), el("body", main, el("script", Raw(script))), lang="en")
    return join([Raw("<!DOCTYPE html>\n"), whole, "\n"]).text


def write_report(
    folder: Path, summary: Mapping[str, Any], history: Mapping[str, Any], gallery: Gallery | None
) -> Path:
    """Write ``folder/report.html``, one file that asks nothing of the network, and return its path.

    Args:
        folder: the run's folder; it is made where it is missing.
        summary: the object of ``summary.json``. Measures are fractions from 0 to 1, times are
            seconds, sizes are bytes. Every key may be missing; the page then leaves that part out.
        history: ``{"rounds": [{"round", "seconds", "loss": {site: value}, "metrics"}, ...]}``.
        gallery: retrieved pictures, or None.

    Raises:
        DataError: a measure is no fraction, or a gallery picture is not uint8 of shape (height, width, 3).

    The page is written beside its place and then moved there, so that a reader sees the old one or
    the new one and never half of either.
    """
    text = page(summary, history, gallery)
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "report.html"
    beside = folder / f".report.html.{os.getpid()}.partial"
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, place)
    finally:
        beside.unlink(missing_ok=True)
    return place
