"""The register as a table for the operator."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from isofed.server.hub.authority import register
from isofed.server.hub.contacts import read_contacts
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.sites import Site, day

HEAD = ("SITE", "STATE", "UNTIL", "HEARD", "TASK", "LEVEL", "ROLE", "CAMERAS", "COUNTS", "KEY")


def sites_table(folder: HubFolder) -> str:
    """Return a line for each site: state, until when, last contact, what it says of itself, its key."""
    sites, contacts = register(folder).sites(), read_contacts(folder.contacts)
    if not sites:
        return f"nobody was invited yet: isofed server invite {folder.quoted} SITE"
    return columns([HEAD, *(_row(site, contacts.get(site.name, {}), time.time()) for site in sites)])


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Write rows of equal length below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:<{n}}" for cell, n in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def manifest_lines(site: Site) -> list[str]:
    """Return what a site says of itself, a line for each word."""
    return [f"  {key:<10} {shown}" for key, value in site.manifest.items() if (shown := _shown(value))]


def ago(seconds: float) -> str:
    """Write how long ago something was, in the largest fitting unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{max(0.0, seconds):.0f} s ago"


def _row(site: Site, contact: Mapping[str, Any], now: float) -> tuple[str, ...]:
    heard = contact.get("heard")
    said = (_shown(site.manifest.get(key, "")) for key in ("task", "level", "role", "cameras", "counts"))
    return (
        site.name,
        site.state,
        _until(site, now),
        ago(now - heard) if isinstance(heard, int | float) else "-",
        *(text or "-" for text in said),
        site.fingerprint or "-",
    )


def _until(site: Site, now: float) -> str:
    if site.state == "invited":
        return f"token {_date(site.token_until, now)}"
    return _date(site.until, now) if site.state == "approved" else "-"


def _date(when: float, now: float) -> str:
    return "expired" if when <= now else day(when).removesuffix(" UTC")


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{_shown(inner)} {key}" for key, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
