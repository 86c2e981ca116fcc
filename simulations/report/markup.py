"""Elements that escape what they are given, so that no name in a run can become markup."""

import html
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

# empty elements; in HTML any other tag needs its end tag even without content
EMPTY = frozenset(["br", "img", "meta", "link", "rect", "line", "circle", "path", "polyline", "polygon"])


@dataclass(frozen=True)
class Raw:
    """Text that is markup already."""

    text: str


Child = Raw | str | int | float | None


def escaped(text: object) -> str:
    """Return ``text`` safe inside an element or a quoted attribute, valid in HTML and in XML.

    Characters that do not print (controls, lone surrogates, direction overrides) become U+FFFD.
    """
    return html.escape("".join(c if _prints(c) else "\ufffd" for c in str(text)))


def _prints(character: str) -> bool:
    return character.isprintable() or character == "\n" or unicodedata.category(character) == "Zs"


def join(children: Iterable[Child]) -> Raw:
    """Return the children one after the other; None is left out and plain text is escaped."""
    shown = (child for child in children if child is not None)
    return Raw("".join(c.text if isinstance(c, Raw) else escaped(c) for c in shown))


def unbroken(text: str) -> Raw:
    """Return the text with its short hyphenated words kept on one line each."""
    words = ((word, "-" in word and len(word) < 20) for word in text.split(" "))
    kept = [el("span", word, class_="whole") if whole else escaped(word) for word, whole in words]
    return Raw(" ".join(word.text if isinstance(word, Raw) else word for word in kept))


def el(name: str, /, *children: Child, **attributes: object) -> Raw:
    """Return one element; ``data_x`` becomes ``data-x``, ``class_`` becomes ``class``, None is left out.

    Example:
        >>> el("td", "a < b", class_="wide").text
        '<td class="wide">a &lt; b</td>'
    """
    given = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    # XML reads a bare line break in an attribute as a space
    shown = ((key, escaped(value).replace("\n", "&#10;")) for key, value in given if value is not None)
    listed = "".join(f' {key}="{value}"' for key, value in shown)
    if name in EMPTY:
        return Raw(f"<{name}{listed}/>")
    return Raw(f"<{name}{listed}>{join(children).text}</{name}>")
