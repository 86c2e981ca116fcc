"""The gallery: queries with their first hits, or samples with pictures of them, right or wrong, as PNG."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from isofed.errors import DataError
from isofed.simulations.report.markup import Raw, el
from isofed.simulations.report.words import several

Pixels = npt.NDArray[np.uint8]
# twice the largest height on the page: sharp on dense screens, and the file stays small
TALLEST = 224


@dataclass(frozen=True)
class Hit:
    """One found picture: uint8 pixels (height, width, 3), whether it is right, None where that is no
    question, and a caption."""

    image: Pixels
    right: bool | None
    caption: str


@dataclass(frozen=True)
class GalleryRow:
    """One query, uint8 pixels (height, width, 3), and its hits, best first."""

    query: Pixels
    query_caption: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Gallery:
    """The queries to show; which ones must not depend on how well they were answered.

    Args:
        rows: of the gallery.
        retrieval: whether hits were found for queries; otherwise they are further pictures of a sample.
    """

    rows: tuple[GalleryRow, ...]
    retrieval: bool = True


@dataclass(frozen=True)
class Words:
    """What a gallery calls its things."""

    key: str
    row: str
    hit: str


MARKS = {True: ("right", "✓"), False: ("wrong", "✗"), None: ("", "")}
BORDERS = "Right: full border, ✓. Wrong: dashed border, ✗."
FOUND = Words(f"Hits from best to worst. {BORDERS}", "Query", "Hit")
SHOWN = Words(f"Samples as the model sees them. {BORDERS}", "Sample", "Picture")


def png_uri(image: Pixels) -> tuple[str, int, int]:
    """Return the picture as a data URI with its width and height, at most ``TALLEST`` pixels high.

    Raises:
        DataError: the array is not uint8 of shape (height, width, 3) or (height, width).
    """
    shape, kind = np.shape(image), getattr(image, "dtype", type(image).__name__)
    if kind != np.uint8 or len(shape) not in (2, 3) or shape[2:] not in ((), (3,)) or 0 in shape:
        raise DataError(
            f"A gallery picture is {kind} of shape {shape}; expected uint8 of shape (height, width, 3)."
        )
    picture = Image.fromarray(image)
    picture.thumbnail((4 * TALLEST, TALLEST), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode(), *picture.size


def gallery_block(gallery: Gallery) -> Raw:
    """Return all rows, in the order given."""
    words = FOUND if gallery.retrieval else SHOWN
    key = el("p", words.key, class_="note")
    rows = [_row(index, row, words) for index, row in enumerate(gallery.rows, 1)]
    return el("div", key, *rows, class_="gallery")


def _picture(image: Pixels, alt: str) -> Raw:
    source, width, height = png_uri(image)
    return el("img", src=source, alt=alt, width=width, height=height)


def _row(index: int, row: GalleryRow, words: Words) -> Raw:
    shown = _picture(row.query, f"{words.row} {index}: {row.query_caption}")
    right = sum(bool(hit.right) for hit in row.hits)
    caption = el("figcaption", el("b", words.row), " ", el("span", row.query_caption))
    count = el("p", f"{right} of {several(len(row.hits), 'hit')} right", class_="count")
    hits = [_hit(rank, hit, words) for rank, hit in enumerate(row.hits, 1)]
    about = (shown, caption, count) if words is FOUND else (shown, caption)
    query = el("figure", *about, class_="query")
    kind = "hits" if words is FOUND else "hits shown"
    return el("div", query, el("ol", *hits, class_=kind), class_="find")


def _hit(rank: int, hit: Hit, words: Words) -> Raw:
    word, sign = MARKS[hit.right]
    said = ", ".join(filter(None, (f"{words.hit} {rank}", word)))
    picture = _picture(hit.image, f"{said}: {hit.caption}")
    mark = el("span", sign, class_="mark", aria_hidden="true") if sign else None
    return el(
        "li", el("div", picture, mark, class_="frame"), el("span", hit.caption), class_=f"hit {word}".strip()
    )


def unseen(summary: Mapping[str, Any]) -> Raw | None:
    """Return why a deployed run shows no pictures; None of any other."""
    if summary.get("engine") != "deployed":
        return None
    return el("p", "The server of a deployed run holds no data, so it has no pictures to show.")
