"""The frame of a page: one file with its style and script inside, closed to the network."""

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from isofed.files import atomic
from isofed.simulations.report.markup import Child, Raw, el, join, unbroken

Block = tuple[str, str, Raw | None]


def document(title: str, lead: str, about: Sequence[Child], blocks: Sequence[Block]) -> str:
    """Return a whole document as text.

    Args:
        title: the heading, also of the browser's tab.
        lead: the sentence under it.
        about: what stands between that sentence and the contents.
        blocks: (anchor, heading, content) of each section; those without content are left out.
    """
    script = _resource("script.js")
    shown = [(anchor, name, content) for anchor, name, content in blocks if content is not None]
    links = [el("li", el("a", name, href=f"#{anchor}")) for anchor, name, _ in shown]
    top = el("header", el("h1", unbroken(title)), el("p", unbroken(lead), class_="lead"), *about)
    contents = el("nav", el("ul", *links), aria_label="Sections")
    body = [el("section", el("h2", name), content, id=anchor) for anchor, name, content in shown]
    main = el("main", top, contents, *body)
    whole = el("html", _head(title, script), el("body", main, el("script", Raw(script))), lang="en")
    return join([Raw("<!DOCTYPE html>\n"), whole, "\n"]).text


def write_page(place: Path, text: str) -> Path:
    """Write a page beside its place and move it there: a reader sees the old one or the new one whole."""
    with atomic(place) as file:
        file.write(text.encode())
    return place


def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """Return the policy that keeps the page from fetching anything or running any other script."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


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
