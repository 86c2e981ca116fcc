"""The server's own change: trained on data of its own from the model that it sends, as a site would."""

import torch

from isofed import seeds
from isofed.errors import CompositionError
from isofed.server.distil import Classroom
from isofed.server.state import ServerState
from isofed.setting import Setting
from isofed.spans import AGGREGATION, spanned
from isofed.strategies.share import TRAVELLING
from isofed.trees import Tree

PURPOSE = "root"


def guide(setting: Setting, room: Classroom | None, state: ServerState) -> Tree | None:
    """Return the model that the server's root data make of the one it sends; None where no rule asks for it.

    One round of the task's batches, with the task's optimiser at the round's rate; running statistics that it
    makes are not used.

    Args:
        setting: what runs.
        room: with the server's own data.
        state: after the round before.

    Raises:
        CompositionError: a rule asks for it, and the server has no data.
    """
    if not setting.recipe.rooted:
        return None
    if room is None:
        raise CompositionError(
            f"strategy '{setting.recipe.call}' compares sites with what the server trains on root data of "
            "its own, and the server has none; name their folder with public.root=DIR"
        )
    return _trained(setting, room, state)


@spanned(AGGREGATION, "root")
def _trained(setting: Setting, room: Classroom, state: ServerState) -> Tree:
    training, options, number = setting.task.training, setting.options, state.round + 1
    with room.quiet(number), torch.enable_grad():
        room.load({group: state.trees[group] for group in TRAVELLING})
        room.model.train()
        optimiser = training.optimiser(room.model, options)
        draw = seeds.public(setting.seed, number, "", f"{PURPOSE} batches")
        change = seeds.public(setting.seed, number, "", f"{PURPOSE} augmentation")
        peaks = [group["lr"] for group in optimiser.param_groups]
        steps = training.sample(room.samples, options, draw)
        for step, rows in enumerate(steps):
            factor = training.rate(number - 1 + step / len(steps), setting.rounds, options)
            for group, peak in zip(optimiser.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            batch = training.transform(room.samples, rows, options, change, room.device)
            optimiser.zero_grad(set_to_none=True)
            training.loss(room.model(batch.inputs), batch.labels, options).backward()
            optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return room.trees["model"].numpy()
