"""One configuration, read the same way by both halves of a federation."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

from isofed import __version__
from isofed.config import call, digest, read, within
from isofed.errors import CompositionError, ConfigError
from isofed.fitting import fit_options
from isofed.suggest import pick

BODY = "body"  # the part of a model that is all but its head, see strategies/share.py


@dataclass(frozen=True)
class Setting:
    """What server and client build, each for itself, from the run's configuration.

    Args:
        run: the run's name.
        digest: over recipe, task, level and versions; never over paths or devices.
        holdout: share of each site's samples that is never trained on, 0 to 0.5, to measure there.
        cohort: sites that are asked each round, drawn evenly; 0 for all.
        dp: how a site's own training is made private, a ``LocalPrivacy``, or None.
        clients: how the sites differ, an ``Uneven``, or None where they are alike.
    """

    run: str
    seed: int
    rounds: int
    evaluate_every: int
    task: Any
    options: Any
    level: Any
    level_options: Any
    recipe: Any
    layout: str
    digest: str
    holdout: float = 0.0
    cohort: int = 0
    dp: Any = None
    clients: Any = None

    @property
    def evaluable(self) -> bool:
        """Whether what the server holds can be evaluated by itself."""
        return bool(self.recipe.share.complete(() if self.task.head_evaluated else self.task.head))


def build(
    cfg: Mapping[str, Any],
    tasks: Mapping[str, Any],
    strategies: Mapping[str, Callable[..., Any]],
    levels: Mapping[str, Any],
    level_options: type[Any],
    privacy: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
    local: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
    clients: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
) -> Setting:
    """Read and check a configuration; every refusal happens here.

    Args:
        cfg: nested plain values with ``run seed rounds evaluate_every layout task protocol strategy``, and
            perhaps ``holdout cohort privacy dp clients partition``; groups have a ``name`` and more.
        tasks, strategies, levels: the tables in which the names are looked up.
        level_options: dataclass of a level's options.
        privacy: the table of privacy steps; without ``privacy`` in ``cfg`` the choice is ``none``.
        local: the table of what ``dp`` can be; without it in ``cfg`` the choice is ``none``.
        clients: the table of what ``clients`` can be; without it in ``cfg`` all are alike.

    Raises:
        ConfigError: an unknown name or key, a value of the wrong type or range.
        CompositionError: parts that do not fit.
    """
    task = pick("task", *_named(cfg, "task"), tasks)
    level = pick("protocol", *_named(cfg, "protocol"), levels)
    level = level.closed() if task.private_head else level
    recipe = call(pick("strategy", *_named(cfg, "strategy"), strategies), _rest(cfg, "strategy"), "strategy")
    _fit(task, _layout(task, cfg["layout"], tasks), level)
    within("rounds", cfg["rounds"], 0, 1e6)
    within("evaluate_every", cfg["evaluate_every"], 0, 1e6)
    options = read(task.options, _rest(cfg, "task"), "task")
    fit_options(task, cfg, level, recipe, options)
    recipe = _protected(cfg, privacy, _shared(recipe, task, level), level, task, options)
    dp = _local(cfg, local, recipe, level, task, options)
    unlike = _unlike(cfg, clients, recipe, dp)
    agreed = read(level_options, _rest(cfg, "protocol"), "protocol")
    return Setting(
        run=cfg["run"],
        seed=cfg["seed"],
        rounds=cfg["rounds"],
        evaluate_every=cfg["evaluate_every"],
        task=task,
        options=options,
        level=level,
        level_options=agreed,
        recipe=recipe,
        layout=cfg["layout"],
        digest=_digest(cfg, task, options, level, agreed, recipe, dp, unlike),
        holdout=_holdout(cfg, task),
        cohort=_cohort(cfg, recipe),
        dp=dp,
        clients=unlike,
    )


def _layout(task: Any, name: str, tasks: Mapping[str, Any]) -> Any:
    others = [other.name for other in tasks.values() if name in other.layouts]
    if name not in task.layouts and others:
        raise ConfigError(
            f"layout '{name}' is one of task={others[0]}, but the run's task is '{task.name}'; write "
            f"task={others[0]}, or choose data= of this one: {', '.join(sorted(task.layouts))}"
        )
    return pick("layout", name, task.layouts)


def _digest(
    cfg: Mapping[str, Any],
    task: Any,
    options: Any,
    level: Any,
    agreed: Any,
    recipe: Any,
    dp: Any,
    unlike: Any,
) -> str:
    # what is at its neutral value is left out, so that it changes no run of before there was such a thing
    held, steps = cfg.get("holdout"), [step.call for step in recipe.privacy]
    cohort = cfg.get("cohort")
    return digest(
        [
            _versions(),
            recipe.said,
            [task.name, asdict(options)],
            [level.name, asdict(agreed)],
            [cfg["layout"], cfg["seed"], cfg["rounds"], *([float(held)] if held else [])],
            *([steps] if steps else []),
            *([{"cohort": cohort}] if cohort else []),
            *([{"dp": asdict(dp)}] if dp else []),
            *([{"clients": asdict(unlike)}] if unlike else []),
            *([{"partition": cfg["partition"]}] if "partition" in cfg else []),
        ]
    )


@cache  # of installed packages: to look them up again costs more than all the rest of a setting
def _versions() -> list[str]:
    """Return the versions whose change can change a bit or a message."""
    return [__version__, *(f"{name} {version(name)}" for name in ("torch", "numpy", "flwr"))]


def _named(cfg: Mapping[str, Any], group: str) -> tuple[str]:
    if not isinstance(cfg[group], Mapping) or "name" not in cfg[group]:
        raise ConfigError(f"'{group}' must have a name; write {group}=NAME")
    return (cfg[group]["name"],)


def _rest(cfg: Mapping[str, Any], group: str) -> dict[str, Any]:
    return {key: value for key, value in cfg[group].items() if key != "name"}


def _holdout(cfg: Mapping[str, Any], task: Any) -> float:
    share = float(cfg.get("holdout", 0.0))
    within("holdout", share, 0, 0.5)
    if share and task.own is None:
        raise CompositionError(
            f"task '{task.name}' measures nothing at a site, for which samples could be held out; "
            "write holdout=0"
        )
    return share


def _cohort(cfg: Mapping[str, Any], recipe: Any) -> int:
    cohort = int(cfg.get("cohort", 0))
    within("cohort", cohort, 0, 1e9)
    if cohort and recipe.server.arrivals:
        raise CompositionError(
            f"strategy '{recipe.call}' says itself how many reports make a step, so no cohort goes with it; "
            "write cohort=0"
        )
    if cohort and recipe.stock:
        raise CompositionError(
            f"strategy '{recipe.call}' draws the sites of a round itself; write cohort=0, and "
            "strategy.fraction_train for the share of sites"
        )
    return cohort


def _protected(
    cfg: Mapping[str, Any], privacy: Mapping[str, Any], recipe: Any, level: Any, task: Any, options: Any
) -> Any:
    """Return the recipe with the run's privacy steps."""
    if "privacy" not in cfg and not privacy:
        return recipe
    chosen = {"privacy": cfg.get("privacy", {"name": "none"})}
    pipeline = call(pick("privacy", *_named(chosen, "privacy"), privacy), _rest(chosen, "privacy"), "privacy")
    return pipeline.on(recipe, level, task, options)


def _local(
    cfg: Mapping[str, Any], local: Mapping[str, Any], recipe: Any, level: Any, task: Any, options: Any
) -> Any:
    """Return how the sites' training is made private, or None."""
    if "dp" not in cfg and not local:
        return None
    chosen = {"dp": cfg.get("dp", {"name": "none"})}
    dp = call(pick("dp", *_named(chosen, "dp"), local), _rest(chosen, "dp"), "dp")
    return dp.on(recipe, level, task, options, float(cfg.get("holdout", 0.0))) if dp else None


def _unlike(cfg: Mapping[str, Any], clients: Mapping[str, Any], recipe: Any, dp: Any) -> Any:
    """Return how the sites differ, or None."""
    if "clients" not in cfg:
        return None
    made = pick("clients", *_named(cfg, "clients"), clients)
    return call(made, _rest(cfg, "clients"), "clients").on(recipe, _cohort(cfg, recipe), dp)


def _fit(task: Any, layout: Any, level: Any) -> None:
    if level.name not in task.levels:
        raise CompositionError(
            f"task '{task.name}' does not run under protocol '{level.name}'; "
            f"use one of: {', '.join(task.levels)}"
        )
    if level.name not in layout.levels:
        raise CompositionError(
            f"data layout '{layout.name}' has no clients under protocol '{level.name}'; "
            f"use one of: {', '.join(layout.levels)}"
        )
    if task.training is None:
        raise CompositionError(f"task '{task.name}' is a benchmark and does not train; use 'isofed score'")


def _shared(recipe: Any, task: Any, level: Any) -> Any:
    """Return the recipe with its share cut to the task and the level.

    Raises:
        CompositionError: of what the strategy shares the level leaves nothing.
    """
    if level.private_head and BODY in recipe.share.parts:
        raise CompositionError(
            f"strategy '{recipe.call}' shares the head alone, but under protocol '{level.name}' heads stay "
            "at the sites, so that nothing would be learnt together; use strategy=fedper"
            f"{' or protocol=camera' if level.opens else ''}"
        )
    share = recipe.share.of(task.head)
    recipe = replace(recipe, share=share.but(*task.head) if level.private_head else share)
    _fit_lesson(task, recipe)
    _fit_root(task, recipe)
    return recipe


def _fit_root(task: Any, recipe: Any) -> None:
    """Refuse a rule that compares sites with the server's own training where that would not be the same."""
    if recipe.rooted and not recipe.share.complete():
        raise CompositionError(
            f"strategy '{recipe.call}' compares whole models with the server's own, but a part stays at the "
            "sites; use strategy=rfa"
        )
    if recipe.rooted and not task.head_evaluated:
        raise CompositionError(
            f"strategy '{recipe.call}' trains at the server on labels that mean what the sites' do, but in "
            f"task '{task.name}' these are people, and the server's are others; use strategy=rfa"
        )


def _fit_lesson(task: Any, recipe: Any) -> None:
    """Refuse distillation from models of which the server has too little to know what they say."""
    lesson = recipe.server.distil
    if lesson is not None and lesson.of == "logits" and task.training.several:
        raise CompositionError(
            f"strategy '{recipe.call}' teaches which one of the classes a sample is of, but a sample of task "
            f"'{task.name}' may be of several at once; write strategy.of=features"
        )
    if lesson is None or recipe.share.complete(task.head if lesson.of == "features" else ()):
        return
    if lesson.of == "logits" and recipe.share.complete(task.head):
        raise CompositionError(
            f"strategy '{recipe.call}' averages logits at the server, but the head that makes them stays at "
            "the sites; write strategy.of=features"
        )
    raise CompositionError(
        f"strategy '{recipe.call}' asks the sites' models at the server, but more than their heads stays "
        "at the sites; share it, or leave the distillation out"
    )
