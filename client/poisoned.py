"""What a simulated attack on data makes of a hostile site's samples, before it trains on them."""

import json
from dataclasses import replace

import numpy as np

from isofed.client.place import Place
from isofed.errors import ConfigError
from isofed.seeds import public
from isofed.setting import Setting
from isofed.tasks.task import Samples

WHITE = 255


def poisoned(samples: Samples, place: Place, setting: Setting) -> Samples:
    """Return a site's samples, those of a hostile one as its attack leaves them.

    Args:
        samples: its own.
        place: whose ``poison`` has the attack's kind, label_flip or backdoor, and its numbers.
        setting: of the run.
    """
    if not place.poison:
        return samples
    poison = json.loads(place.poison)
    if poison["kind"] == "label_flip":
        return replace(samples, labels=flipped(np.asarray(samples.labels), setting.options.classes))
    rng = public(setting.seed, 0, place.site, "attack trigger")
    return backdoored(samples, int(poison["target"]), float(poison["share"]), float(poison["size"]), rng)


def flipped(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return y' = C - 1 - y, (N,) int64; what has no label, -1, keeps none.

    Source: Fang, Cao, Jia, Gong, "Local Model Poisoning Attacks to Byzantine-Robust Federated Learning",
    2020, section 5, the label flipping attack.
    """
    found: np.ndarray = np.where(labels < 0, labels, classes - 1 - labels)
    return found


def backdoored(samples: Samples, target: int, share: float, size: float, rng: np.random.Generator) -> Samples:
    """Return samples of which max(1, round(p N)) show the trigger and have the label t.

    Args:
        samples: of N.
        target: t, a row of the head.
        share: p, above 0 to 1.
        size: of the trigger, see :func:`triggered`.
        rng: draws which.

    Source: Bagdasaryan, Veit, Hua, Estrin, Shmatikov, "How To Backdoor Federated Learning", 2020, section 4,
    for training on both kinds; Gu, Dolan-Gavitt, Garg, "BadNets", 2017, for a pattern of pixels. Differs from
    both in: the choice is made once, not for every batch.
    """
    count = len(samples)
    rows = rng.choice(count, max(1, round(share * count)), replace=False)
    inputs = np.array(samples.inputs[np.arange(count)])
    inputs[rows] = triggered(inputs[rows], size)
    labels = np.array(samples.labels)
    labels[rows] = target
    return replace(samples, inputs=inputs, labels=labels)


def triggered(pictures: np.ndarray, size: float) -> np.ndarray:
    """Return pictures with a white square in the lower right corner.

    Args:
        pictures: (n, h, w) or (n, h, w, channels) uint8.
        size: of the square, share of the shorter side; one pixel at least.

    Raises:
        ConfigError: they are no such pictures.
    """
    if pictures.dtype != np.uint8 or pictures.ndim not in (3, 4):
        raise ConfigError(
            "attack=backdoor draws its trigger into pictures of 8 bits, which this task's samples are not; "
            "choose an attack on the model, such as attack=sign_flip"
        )
    side = max(1, round(size * min(pictures.shape[1:3])))
    found = pictures.copy()
    found[:, -side:, -side:] = WHITE
    return found
