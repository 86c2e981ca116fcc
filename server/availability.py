"""Whom a round can ask where sites are not always there, and who of them answers in time."""

from collections.abc import Iterator, Mapping, Sequence

from isofed.errors import CompositionError, ConfigError, RoundError
from isofed.setting import Setting
from isofed.strategies.arrivals import Cohort, everybody, some
from isofed.strategies.robust.rule import GatheringRule
from isofed.strategies.uneven import SILENT, SLOW, WHO, joins, rank
from isofed.suggest import hint

LISTED = 20_000  # sites of which each can be looked at in every round


def uneven_cohort(setting: Setting, step: int, sites: Sequence[str]) -> Cohort:
    """Return whom a round counts: those there, of them a cohort, of it those who answer in time.

    Nobody who is not counted is asked: what a site trains and nobody counts leaves no trace, neither in the
    model nor in what the site remembers, so that it need not be trained at all.

    Args:
        setting: with ``clients``.
        step: the round before.
        sites: all of them, in the order of their names.

    Raises:
        RoundError: nobody is there.
    """
    asked = _drawn(setting, step, there(setting, step + 1, sites))
    if not asked:
        raise RoundError(
            f"in round {step + 1} no site is there, by clients.trace and clients.late; give it another trace"
        )
    return _answering(setting, step, asked)


def there(setting: Setting, round: int, sites: Sequence[str]) -> Sequence[str]:
    """Return who can be asked in a round, in the order of names."""
    clients = setting.clients
    if not clients.late and not clients.trace:
        return sites
    late, windows = _late(setting, sites), clients.windows
    return [
        site
        for site in sites
        if round >= late.get(site, 1) and (site not in windows or _open(windows[site], round))
    ]


def check(setting: Setting, sites: Sequence[str]) -> None:
    """Refuse sites with which some round could not be.

    Raises:
        CompositionError: they are too many for what looks at each; in some round too few are there.
        ConfigError: the trace names a site that is not there.
    """
    clients = setting.clients
    each = next((key for key in clients.at_work if key in WHO), None) if clients else None
    if each is None:
        return
    if len(sites) > LISTED:
        raise CompositionError(
            f"clients.{each} looks at every site in every round, but there are {len(sites)}; "
            f"at most {LISTED} are possible with it, so leave it out"
        )
    for site in clients.windows:
        if site not in sites:
            raise ConfigError(f"clients.trace names '{site}'{hint(site, list(sites))} known: {_few(sites)}")
    for round in _changes(setting):
        count = len(there(setting, round, sites))
        if count < (fewest := least(setting.recipe.rule)):
            raise CompositionError(
                f"in round {round} only {count} sites are there, by clients.trace and clients.late, but a "
                f"round needs {fewest}; let more be there"
            )


def least(rule: object) -> int:
    """Return the fewest sites that a rule can make a round of: 1, or what its f asks for."""
    count = 1
    while isinstance(rule, GatheringRule) and rule.f > rule.most(count):
        count += 1
    return count


def _drawn(setting: Setting, step: int, sites: Sequence[str]) -> Sequence[str]:
    clients, size = setting.clients, setting.cohort
    if size == 0 or size >= len(sites):
        return sites
    if not clients.weights:
        return list(some(sites, step, size, setting.seed).began)
    keys = {site: clients.key(setting.seed, step + 1, site) for site in sites}
    return sorted(sorted(sites, key=keys.__getitem__, reverse=True)[:size])


def _answering(setting: Setting, step: int, asked: Sequence[str]) -> Cohort:
    """Return the cohort of who answers by the deadline; of too few for the rule, who would have been next."""
    clients, seed, number = setting.clients, setting.seed, step + 1
    if not clients.dropouts and not clients.deadline:
        return everybody(asked, step)
    floor = min(least(setting.recipe.rule), len(asked))
    missing, lasts = {}, dict.fromkeys(asked, 0.0)
    if clients.dropouts:
        stays = {site: clients.stays(seed, number, site) for site in asked}
        ranked = sorted(asked, key=stays.__getitem__, reverse=True)
        missing = {site: SILENT for site in ranked[floor:] if stays[site] < clients.dropouts}
    if clients.deadline:
        lasts = {site: clients.lasts(seed, number, site) for site in asked}
        rest = sorted((site for site in asked if site not in missing), key=lasts.__getitem__)
        missing |= {site: SLOW for site in rest[floor:] if lasts[site] > clients.deadline}
    counted = [site for site in asked if site not in missing]
    lasted = _lasted(clients.deadline, missing, [lasts[site] for site in counted])
    told = {site: missing[site] for site in asked if site in missing}
    return Cohort(dict.fromkeys(counted, step), missing=told, lasted=lasted)


def _lasted(deadline: float, missing: Mapping[str, str], lasts: Sequence[float]) -> float | None:
    """Return how long a round lasts: until the last reply, or where one is missing until the deadline."""
    return max([*lasts, *([deadline] if missing else [])]) if deadline else None


def _late(setting: Setting, sites: Sequence[str]) -> dict[str, int]:
    """Return the round that each late site joins in: floor(late · N) of N sites."""
    clients, seed = setting.clients, setting.seed
    latest = clients.joined or max(2, setting.rounds // 2)
    count = int(clients.late * len(sites))
    chosen = sorted(sites, key=lambda site: rank(seed, site))[:count] if count else ()
    return {site: joins(seed, site, latest) for site in chosen}


def _open(windows: Sequence[tuple[int, int | None]], round: int) -> bool:
    return any(first <= round and (last is None or round <= last) for first, last in windows)


def _changes(setting: Setting) -> Iterator[int]:
    """Yield the rounds in which fewer may be there than in the one before, the first among them."""
    after = {last + 1 for _, windows in setting.clients.trace for _, last in windows if last is not None}
    yield from sorted(number for number in {1, *after} if number <= setting.rounds)


def _few(sites: Sequence[str]) -> str:
    return ", ".join(sites[:6]) + (" and more" if len(sites) > 6 else "")
