"""``isofed privacy``: what a configuration hides from whom, and what a site has spent."""

import json
import textwrap
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import Any

from isofed.arguments import Parser
from isofed.client.budget import Budget, spent
from isofed.client.place import BUDGET
from isofed.errors import ConfigError
from isofed.protocols.step import STATISTICS
from isofed.suggest import pick

HELP = """isofed privacy: what is hidden of whom, from whom, and how well

  isofed privacy explain KEY=VALUE ...
                   of a configuration, as for isofed simulate: who is protected from whom, by what, epsilon
                   over the rounds, and what leaves unhidden
      --units N    units (images, identities, ...) at a site, default 1000
      --sites N    sites there are, default 6
  isofed privacy budget DIR
                   of a site's folder, or of a simulation's: spent, left, by run
      --delta D    for which epsilon is told; default the policy's, or the run's

  isofed privacy explain strategy=fedavg task.norm=group task.objective=identity dp=example dp.epsilon=8
  isofed privacy explain strategy=fedbn strategy.weights=equal privacy=gaussian privacy.noise=2
  isofed privacy explain strategy=uniform privacy=gaussian privacy.noise=2 privacy.buffers=released
"""
POINTS, WIDTH, COLUMNS = 8, 32, 100


def main(argv: list[str]) -> int:
    """Run one of the two; 0."""
    if not argv or argv[0] in ("-h", "--help"):
        print(HELP)
        return 0
    return pick("privacy command", argv[0], {"explain": _explain, "budget": _budget})(argv[1:])


def _explain(argv: list[str]) -> int:
    parser = Parser("isofed privacy explain", "What a configuration hides.")
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--sites", type=int, default=6)
    given = parser.parse_args(argv)
    if given.units < 1 or given.sites < 1:
        raise ConfigError("'--units' and '--sites' must be at least 1")
    print("\n".join(explained(given.words, given.units, given.sites)))
    return 0


def explained(words: Sequence[str], units: int, sites: int) -> list[str]:
    """Return what a configuration hides, line by line.

    Args:
        words: as for ``isofed simulate``.
        units: at a site.
        sites: there are.
    """
    # these bring Hydra, which a site that looks at its budget does not have
    from isofed.simulations.command import composed
    from isofed.simulations.overrides import own_strategy, single
    from isofed.simulations.plan import make_plan

    values, *more = single(own_strategy(list(words)), multirun=True)
    if more:
        raise ConfigError("'isofed privacy explain' tells of one configuration; give one value for each key")
    setting = make_plan(composed(values), Path("unwritten")).setting()
    lines = [*_of_units(setting, units), *_of_sites(setting, sites)]
    if not lines:
        lines = _said(
            "Nothing is hidden by noise: who sees what leaves a site may find out what it was trained on. "
            "dp=example or dp=subject hides each sample or person from everybody else, the server included; "
            "privacy=gaussian or privacy=tree hides each site from whoever sees the models, but not from the "
            "server."
        )
    return [
        *lines,
        *_said(
            "A simulation derives secrets from its seed (simulated_secrets): it measures, and hides nothing."
        ),
    ]


def _said(text: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS, subsequent_indent="  ")


def _of_units(setting: Any, units: int) -> list[str]:
    dp = setting.dp
    if dp is None:
        return []
    from isofed.protocols.accounts.epsilon import epsilon, noise_for
    from isofed.protocols.accounts.library import Step

    private, options = setting.task.training.private, setting.options
    whole = dp.unit == "example"
    unit = private.example if whole else private.subject
    expected = min(units, private.batch(options) if whole else private.subjects(options))
    phases = sum(phase.epochs for phase in setting.recipe.rounds)
    rate, steps = expected / units, phases * private.epochs(options) * ceil(units / expected)
    noise = dp.noise
    if noise is None:
        noise = noise_for(dp.epsilon, dp.delta, rate, max(1, setting.rounds) * steps, dp.accountant)
    limit = "none" if dp.budget is None else f"epsilon {dp.budget:g}"

    def after(rounds: int) -> float:
        return epsilon([Step(rate, noise, rounds * steps)], dp.delta, dp.accountant)

    return [
        *_said(
            f"Who: every {unit} of a site, from everybody else: the server, other sites, whoever gets the "
            "model."
        ),
        *_said(
            f"How: DP-SGD at the site. Each {unit}'s gradient is clipped to {dp.norm:g}, and noise of "
            f"{noise:.3g} times that is added to the sum of each of {steps} steps a round, into which each "
            f"{unit} comes with chance {rate:.3g} by the site's own secrets. At a site with {units} of them "
            "(--units):"
        ),
        *_table(setting.rounds, dp.delta, after),
        *_said(f"Leaves beside it, unhidden: {', '.join(['steps', *dp.released])}; that the site took part."),
        *_said(
            "It is charged to the site's budget before anything leaves, and a round that is tried again is "
            f"charged again. Limit of this run: {limit}; of a site: its own, in policy.toml."
        ),
    ]


def _of_sites(setting: Any, sites: int) -> list[str]:
    from isofed.simulations.accounts import promised
    from isofed.strategies.arrivals import some

    names = [f"{number:09d}" for number in range(sites)]
    many = setting.cohort or sites

    def asked(rounds: int) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for round in range(1, rounds + 1):
            chosen = some(names, round - 1, many, setting.seed).began if many < sites else names
            for name in chosen:
                found.setdefault(name, []).append(round)
        return found

    at = promised(setting, setting.rounds, sites, asked(setting.rounds))
    if at is None:
        return []
    secret = at["sampling"] == "secret"
    draws = "by the server's secrets" if secret else "in public, which makes nothing smaller"

    def after(rounds: int) -> float:
        found = promised(setting, rounds, sites, asked(rounds))
        return float("nan") if found is None or found["epsilon"] is None else float(found["epsilon"])

    return [
        *_said(
            "Who: every site as a whole, from whoever sees the models, other sites too, but not from the "
            "server."
        ),
        *_said(
            f"How: updates are clipped, and the server adds {at['mechanism']} noise of {at['noise']:.3g} "
            f"times the bound to their sum. A round's sites, {many} of {sites} (--sites), are drawn {draws}."
        ),
        *_of_statistics(setting),
        *_table(setting.rounds, at["delta"], after),
        *_said(f"Stands beside it, unhidden: {'; '.join(at['released'])}."),
    ]


def _of_statistics(setting: Any) -> list[str]:
    """Return how running statistics are hidden, where they leave beside the model."""
    noisy = [step for step in setting.recipe.privacy if step.promise is not None]
    beside = next((step for step in noisy if step.part == STATISTICS), None)
    if beside is None:
        return []
    model = next(step for step in reversed(noisy) if step.part != STATISTICS)
    return _said(
        f"Running statistics leave, too, as a part of their own: a site's change of them is clipped to "
        f"{beside.bounds:g}, and their sum gets noise of {beside.promise.noise:.3g} times that. For it the "
        f"model's sum gets noise of {model.promise.noise:.3g} times its bound: all that a site tells in a "
        "round is then as well hidden as said above."
    )


def _table(rounds: int, delta: float, epsilon_after: Callable[[int], float]) -> list[str]:
    at = sorted({max(1, round(rounds * part / POINTS)) for part in range(POINTS + 1)} if rounds else set())
    found = {number: epsilon_after(number) for number in at}
    most = max((value for value in found.values() if value < float("inf")), default=1.0) or 1.0
    rows = [
        f"  {number:>6}  {value:>9.3g}  {'#' * max(1, round(WIDTH * min(value / most, 1.0)))}"
        for number, value in found.items()
    ]
    return [f"  rounds    epsilon  (delta {delta:g})", *rows]


def _budget(argv: list[str]) -> int:
    parser = Parser("isofed privacy budget", "What a site has spent.")
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--delta", type=float, default=None)
    given = parser.parse_args(argv)
    print("\n".join(balance(given.folder, given.delta)))
    return 0


def balance(folder: Path, delta: float | None = None) -> list[str]:
    """Return what the site in a folder, or each of a simulation's, has spent and has left, line by line.

    Raises:
        ConfigError: there is neither.
    """
    if (folder / "policy.toml").exists():
        from isofed.client.site.policy import read_policy

        policy = read_policy(folder / "policy.toml")
        return _balance("this site", folder / "home" / BUDGET, delta or policy.budget_delta, policy.budget)
    accounts = sorted(folder.glob(f"**/sites/*/{BUDGET}"))
    if not (folder / "config.json").exists():
        raise ConfigError(f"'{folder}' is neither a site's folder nor a run's; give one of these")
    if not accounts:
        return ["nobody spent anything: the run was without dp="]
    at = delta or _delta(folder)
    return [line for path in accounts for line in _balance(path.parent.name, path, at, 0.0)]


def _delta(folder: Path) -> float:
    return float(json.loads((folder / "config.json").read_text()).get("dp", {}).get("delta", 1e-5))


def _balance(who: str, path: Path, delta: float, limit: float) -> list[str]:
    charges = Budget(path).charges()
    runs = list(dict.fromkeys(charge.reply.run for charge in charges))
    several = "s" * (len(runs) != 1)
    lines = [f"{who}: {len(charges)} replies paid for, in {len(runs)} run{several}, at delta {delta:g}"]
    for unit, value in spent(charges, delta).items():
        left = f", left of {limit:g}: {max(limit - value, 0.0):.3g}" if limit else ", no limit in policy.toml"
        lines.append(f"  every {unit}: epsilon {value:.3g} in all{left if who == 'this site' else ''}")
    for run in runs if len(runs) > 1 else ():
        parts = spent(charges, delta, run=run)
        lines.append(f"    {run}: " + ", ".join(f"every {unit} {value:.3g}" for unit, value in parts.items()))
    return lines
