"""Every choice on which L2RW's text and its released code differ, and the rounds and rates of both.

`isofed simulate preset=paper` and `preset=released` set all of them. The files below simulations/conf/preset
say the same to Hydra; a test holds them against this table, and the table in the README, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from isofed.suggest import pick

Scalar = str | int | float | bool
When = Mapping[str, tuple[str, ...]]

PRESETS = ("paper", "released")
OTHERS = ("fedavg", "fedprox", "fednova", "moon")  # strategies without the memory bank
MATCHING = ("cgpr", "l2rwplus")
HITSZ_VCM = ("hitsz_vcm", "hitsz_vcm_to_buptcampus")
BUPTCAMPUS = ("buptcampus", "buptcampus_to_hitsz_vcm")


@dataclass(frozen=True)
class Item:
    """One choice.

    Args:
        what: in words; a number is that of the list of disagreements in README.md.
        key: as written on the command line.
        paper, released: its value in either preset; None leaves it as the items above have it.
        when: the groups ``protocol``, ``data`` and ``strategy`` under whose names it holds; of two items
            for one key the later one counts.
    """

    what: str
    key: str
    paper: Scalar | None
    released: Scalar | None
    when: When = field(default_factory=dict)


_DPPT, _OTHERS = {"strategy": ("dppt",)}, {"strategy": OTHERS}
_ENTITY, _SHARING = {"protocol": ("entity",)}, {"protocol": ("sharing",)}
_VCM, _BUPT, _FILMS = {"data": HITSZ_VCM}, {"data": BUPTCAMPUS}, {"data": HITSZ_VCM + BUPTCAMPUS}

ITEMS = (
    Item("1: features behind a centre, K", "strategy.k", 4, 5, _DPPT),
    Item("1: K", "strategy.k", 4, 3, {**_DPPT, **_ENTITY}),
    Item("1: K", "strategy.k", 4, 4, {**_DPPT, "data": ("hitsz_vcm",)}),
    Item("K of L2RW+", "strategy.k", 4, 4, {"strategy": MATCHING, "data": ("hitsz_vcm",)}),
    Item("2: memory loss", "strategy.loss", "cosine", "mixed", _DPPT),
    Item("2: its weight", "strategy.lam", 1.0, 1.0, _DPPT),
    Item("3: features stored at unit length", "strategy.normalise", True, False, _DPPT),
    Item("4: clients in the mean of a global centre", "strategy.over", "present", "all", _DPPT),
    Item("6: the same between entities", "strategy.over", "present", "nobody", {**_DPPT, **_ENTITY}),
    Item(
        "5: weight of a client", "strategy.count", "images", "full_batches", {"strategy": ("dppt", *OTHERS)}
    ),
    Item("channel augmentation, probability", "task.channel_augmentation", 0.5, 0.5),
    Item("channel augmentation", "task.channel_augmentation", 1.0, 1.0, _ENTITY),
    Item("channel augmentation", "task.channel_augmentation", 0.0, 0.0, _SHARING),
    Item("channel augmentation", "task.channel_augmentation", 1.0, 1.0, _VCM),
    Item("channel augmentation", "task.channel_augmentation", 0.0, 0.0, _BUPT),
    Item("8: channel augmentation in baseline B", "task.channel_augmentation", 0.0, None, _OTHERS),
    Item("its kinds", "task.channel_kinds", "copies", "all"),
    Item("9: height of the pictures", "task.height", 288, 288),
    Item("10: loss of the baseline", "task.objective", "baseline", "identity", _SHARING),
    Item("its first convolutions", "task.stems", 1, 2, _SHARING),
    Item("its batches hold both modalities", "task.per_modality", True, True, _SHARING),
    Item("the same; pairs do so anyway", "task.per_modality", False, False, _BUPT),
    Item("its rates", "task.schedule", "line", "stairs", _SHARING),
    Item("highest rate of neck and head", "task.head_rate", 0.2, 0.2),
    Item("the same", "task.head_rate", 0.1, 0.1, _SHARING),
    Item("highest rate of the backbone", "task.backbone_rate", 0.02, 0.02),
    Item("the same", "task.backbone_rate", 0.01, 0.01, _SHARING),
    Item("round of the highest rate", "task.peak_round", 16.0, 16.0),
    Item("rounds", "rounds", 50, 50),
    Item("rounds", "rounds", 30, 30, _ENTITY),
    Item("epochs", "rounds", 30, 30, _SHARING),
    Item("rounds", "rounds", 100, 100, _FILMS),
    Item("people in a batch", "task.batch_identities", 8, 8),
    Item("the same", "task.batch_identities", 16, 16, _BUPT),
    Item("pictures, or films, of each", "task.batch_images", 8, 8),
    Item("the same, of each modality", "task.batch_images", 4, 4, _SHARING),
    Item("the same", "task.batch_images", 4, 4, _VCM),
    Item("pairs of films of each", "task.batch_images", 1, 1, _BUPT),
    Item("films in pairs", "task.paired", True, True, _BUPT),
    Item("what the circle loss is divided by", "task.circle_divisor", 64.0, 64.0),
    Item("the same", "task.circle_divisor", 32.0, 32.0, _FILMS),
    Item("momentum kept from round to round", "task.keep_momentum", True, True),
    Item("the same", "task.keep_momentum", False, False, {"strategy": ("fednova",)}),
    Item("backbone", "task.backbone", "resnet50", "resnet50"),
    Item("precision", "task.precision", "fp16", "fp16"),
)


def values(preset: str, chosen: Mapping[str, str]) -> dict[str, Scalar]:
    """Return what a preset sets, by key.

    Args:
        preset: ``paper`` or ``released``.
        chosen: the names of ``protocol``, ``data`` and ``strategy``.
    """
    pick("preset", preset, dict.fromkeys(PRESETS))
    found: dict[str, Scalar] = {}
    for item in ITEMS:
        value = getattr(item, preset)
        if value is not None and all(chosen[group] in names for group, names in item.when.items()):
            found[item.key] = value
    return found


def table() -> list[str]:
    """Return the items as rows of Markdown: what, option, where it holds, paper, released."""
    head = ["| item | option | where | paper | released |", "|---|---|---|---|---|"]
    cells = [(i.what, f"`{i.key}`", _where(i.when), _shown(i.paper), _shown(i.released)) for i in ITEMS]
    return head + [f"| {' | '.join(row)} |" for row in cells]


def _where(when: When) -> str:
    return ", ".join(f"`{group}={'` or `'.join(names)}`" for group, names in when.items()) or "everywhere"


def _shown(value: Scalar | None) -> str:
    if value is None:
        return "as above"
    return str(value).lower() if isinstance(value, bool) else f"{value}"
