"""``isofed server status``: what runs, which sites are there, what they are at."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from isofed.children import held
from isofed.server.hub.authority import register
from isofed.server.hub.contacts import read_contacts
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.settings import read_settings
from isofed.server.hub.sites import Site
from isofed.server.hub.table import ago, columns
from isofed.server.hub.up import answers, is_up
from isofed.server.hub.watch import LOST

HEAD = ("SITE", "ROLE", "LEVEL", "HEARD", "AT WORK", "ROUND", "RUN", "FREE DISK")
PARTS = ("superlink", "gateway", "enrolment")
RUNNING = "runs/.lock"  # of simulations/lock.py: held while `isofed run` runs
REFUSALS = "refusals.jsonl"


def main(folder: HubFolder, say: Callable[[str], None] = print, now: float | None = None) -> int:
    """Say how a server's folder stands; 0 if all its processes do their work.

    Args:
        folder: of ``isofed server init``.
        say: told each line.
        now: seconds since 1970; the clock's if None.

    Raises:
        ConfigError: the folder is no server's.
    """
    settings, now = read_settings(folder), time.time() if now is None else now
    working = {part: answers(folder, part) for part in PARTS}
    kept = "kept up by isofed server up" if is_up(folder) else "not kept up: isofed server up is not running"
    named = settings.name if settings.name == settings.host else f"{settings.name} at {settings.host}"
    say(f"{named}, {kept}")
    for part, works in working.items():
        say(f"  {part:<10} {'answers' if works else 'does not answer'} at {_where(settings, part)}")
    say(f"  run        {'one is running' if held(folder.root / RUNNING) else 'none is running'}")
    say(_sites(folder, now))
    if refused := _refused(folder.logs / REFUSALS, now):
        say(refused)
    return 0 if all(working.values()) else 1


def _where(settings: Any, part: str) -> str:
    address = "127.0.0.1" if part == "superlink" else settings.listen
    return f"{address}:{getattr(settings, f'{part}_port')}"


def _sites(folder: HubFolder, now: float) -> str:
    known, contacts = register(folder).sites(), read_contacts(folder.contacts)
    rows = [_row(site, contacts.get(site.name, {}), now) for site in known if site.state == "approved"]
    waiting = [site.name for site in known if site.state == "pending"]
    lines = [columns([HEAD, *rows])] if rows else ["no site is approved yet"]
    if waiting:
        lines.append(
            f"waiting for approval: {', '.join(waiting)}; isofed server approve {folder.quoted} SITE"
        )
    return "\n".join(lines)


def _row(site: Site, contact: Mapping[str, Any], now: float) -> tuple[str, ...]:
    heard = contact.get("heard")
    silent = now - heard if isinstance(heard, int | float) else None
    free = contact.get("free")
    return (
        site.name,
        str(site.manifest.get("role", "-")),
        str(contact.get("level") or site.manifest.get("level", "-")),
        "never" if silent is None else ago(silent) + (", lost" if silent > LOST else ""),
        {True: "yes", False: "no"}.get(contact.get("busy", None), "-"),
        str(contact.get("round", "-")),
        str(contact.get("run") or "-"),
        f"{free / 2**30:.0f} GiB" if isinstance(free, int | float) else "-",
    )


def _refused(path: Path, now: float) -> str:
    """Return how many were refused within the last day, and the last one."""
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    recent = [entry for line in lines[-1000:] if (entry := _entry(line)) and now - _time(entry) < 86400]
    if not recent:
        return ""
    last = recent[-1]
    who = last.get("site") or last.get("address") or "somebody"
    return (
        f"{len(recent)} refused within a day, the last {ago(now - _time(last))}: {who}: {last.get('reason')}"
    )


def _entry(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _time(entry: Mapping[str, Any]) -> float:
    try:
        return datetime.strptime(str(entry.get("time")), "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except ValueError:
        return 0.0
