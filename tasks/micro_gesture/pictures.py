"""Rows of a gallery: clips with their reconstruction, hyperedges on the body, a confusion matrix."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from isofed.tasks.micro_gesture import evaluate, votes
from isofed.tasks.micro_gesture.attention import HypergraphAttention
from isofed.tasks.micro_gesture.joints import Body
from isofed.tasks.micro_gesture.layouts.clips import TestClips
from isofed.tasks.micro_gesture.options import MicroGestureOptions

SIZE, SHOWN = 200, 6  # pixels of a frame, frames of a strip
LEGEND, TEXT = 130, 17  # pixels: beside hyperedges, and of letters, which a page shows at two thirds
COLOURS = ((31, 119, 180), (214, 110, 20), (44, 150, 60), (150, 60, 170))  # of hyperedges
GREY, RED, INK, PAPER = (150, 150, 150), (200, 30, 40), (30, 30, 30), (255, 255, 255)
Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


def rows(model: Any, test: TestClips, options: MicroGestureOptions, count: int = 6) -> list[Any]:
    """Return (a clip's middle frame, its caption, [(picture, whether its emotion is found, caption)]).

    Joints are grey, and what the network rebuilds is red over them, both in the clip's own coordinates. The
    first picture beside it is a strip of more frames. Then follows the same body with its hyperedges, the
    discs as large as the attention that each receives, lines as thick as two give each other; 1.00 is even
    attention. The last row has the confusion matrices of all tested clips and of what their videos' clips
    vote for. Clips are an even choice of the tested videos.

    Args:
        model: in evaluation mode.
        test: what the evaluator holds.
        options: of the task.
        count: of rows with clips.
    """
    _, first = np.unique(test.videos, return_index=True)
    asked = first[np.linspace(0, len(first) - 1, min(count, len(first))).astype(int)]
    shown = [_row(model, test, int(row)) for row in asked]
    predicted, _ = evaluate.through(model, test.inputs, len(test))
    counts = votes.counted(test.labels, predicted, test.videos)
    right = f"{100 * votes.accuracy(counts.clips):.0f} % of {counts.clips.sum()} clips right"
    whole, each = (confusion(m, test.body) for m in (counts.clips, counts.videos[:, [0, 2, 1]]))
    voted = (each, None, f"{counts.videos.sum()} videos: what most clips say")
    return [*shown, (whole, f"all clips: rows are true, columns found; {right}", [voted])]


def _row(model: Any, test: TestClips, row: int) -> tuple[Pixels, str, list[Any]]:
    clip = np.array(test.inputs[np.array([row])], np.float32)
    device = next(model.parameters()).device
    with torch.inference_mode(), Watched(model) as watched:
        output = model(torch.from_numpy(clip).to(device))
    found = int(output.logits[0].argmax())
    sure = float(output.logits[0].softmax(0)[found])
    named = test.body.emotions
    said = f"{named[int(test.labels[row])]}; found {named[found]}, {100 * sure:.0f} %"
    rebuilt = None if output.rebuilt is None else original(model, output.rebuilt, clip)[0]
    right = bool(found == test.labels[row])
    beside: list[Any] = [(strip(clip[0], rebuilt, test.body), right, "grey: the clip; red: rebuilt")]
    beside += [
        (hyperedges(clip[0], test.body, strength), None, f"hyperedges, block {number}")
        for number, strength in watched.strengths(test.body)
    ]
    return strip(clip[0], rebuilt, test.body, 1), said, beside


@torch.no_grad()
def original(model: Any, rebuilt: torch.Tensor, clips: NDArray[np.float32]) -> Floats:
    """Undo the input's normalisation of a reconstruction, (N, 3, T, V): y = (x - b) s / w + m.

    Args:
        model: in evaluation mode.
        rebuilt: x, as the network has it.
        clips: those that were rebuilt, (N, 3, T, V): of ``task.norm=group`` m and s are each clip's own.
    """
    norm = model.data_bn
    n, channels, frames, joints = rebuilt.shape
    flat = rebuilt.permute(0, 3, 1, 2).reshape(n, joints * channels, frames)
    column = lambda x: x[None, :, None]  # noqa: E731
    if isinstance(norm, torch.nn.GroupNorm):  # of one group, see tasks/private.py
        own = torch.from_numpy(clips).to(flat).flatten(1)
        var, mean = (x[:, None, None] for x in torch.var_mean(own, dim=1, correction=0))
    else:
        var, mean = column(norm.running_var), column(norm.running_mean)
    gain = torch.sqrt(var + norm.eps) / column(norm.weight)
    places = (flat - column(norm.bias)) * gain + mean
    found: Floats = places.view(n, joints, channels, frames).permute(0, 2, 3, 1).cpu().float().numpy()
    return found


class Watched:
    """Watch a model's attention among joints while it looks at clips."""

    def __init__(self, model: Any) -> None:
        self.blocks = [m for m in model.modules() if isinstance(m, HypergraphAttention) and not m.kind.plain]
        self.seen: list[NDArray[np.float64]] = []
        self.hooks: list[Any] = []

    def __enter__(self) -> "Watched":
        self.hooks = [block.register_forward_pre_hook(self._look) for block in self.blocks]
        return self

    def __exit__(self, *error: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def _look(self, block: Any, given: tuple[Any, ...]) -> None:
        weights = block.among(*block.of_hyperedges(*given)[:2])
        self.seen.append(weights.mean((0, 1, 2)).double().cpu().numpy())

    def strengths(self, body: Body) -> list[tuple[int, NDArray[np.float64]]]:
        """Return, of the first block and the last, its number and (G, G), what each hyperedge gives another.

        The mean over clips, frames, heads and joints of V softmax(eq ek / sqrt(c)), of those joints that
        look and those that are looked at; 1 is what even attention would give.
        """
        member = np.eye(len(body.group_names))[list(body.groups)]
        mean = member / member.sum(0)
        chosen = dict.fromkeys((0, len(self.seen) - 1)) if self.seen else {}
        return [(at + 1, len(member) * (mean.T @ self.seen[at] @ mean)) for at in chosen]


def strip(clip: Floats, rebuilt: Floats | None, body: Body, shown: int = SHOWN) -> Pixels:
    """Return frames of a clip side by side, (SIZE, shown SIZE, 3); the reconstruction in red over it.

    Args:
        clip: (3, T, V).
        rebuilt: (3, T, V), or None.
        body: whose bones.
        shown: how many frames, even in time.
    """
    frames = (np.arange(shown) + 0.5) * clip.shape[1] / shown
    put = _window(clip, body)
    there, pictures = _there(clip, body), []
    for frame in frames.astype(int).tolist():
        # each by itself, so that what is badly rebuilt does not lie across the next one
        picture = Image.new("RGB", (SIZE, SIZE), PAPER)
        for numbers, colour, width in ((clip, GREY, 5), (rebuilt, RED, 3)):
            if numbers is not None:
                _bones(ImageDraw.Draw(picture), put(numbers[:2, frame]), there, body, colour, width)
        pictures.append(np.asarray(picture))
    return np.concatenate(pictures, 1)


def hyperedges(clip: Floats, body: Body, strength: NDArray[np.float64]) -> Pixels:
    """Return a body whose joints have the colours of their hyperedges, (SIZE, LEGEND + SIZE, 3).

    From the middle of each hyperedge, a disc, thin lines go to its joints.

    Args:
        clip: (3, T, V); its middle frame is drawn.
        body: whose hyperedges.
        strength: (G, G), what each gives another, 1 where attention is even.
    """
    places = _window(clip, body)(clip[:2, clip.shape[1] // 2]) + np.array([LEGEND, 0])
    there, groups = _there(clip, body), np.array(body.groups)
    picture = Image.new("RGB", (LEGEND + SIZE, SIZE), PAPER)
    draw = ImageDraw.Draw(picture, "RGBA")
    _bones(draw, places, there, body, (190, 190, 190), 3)
    mine = [there & (groups == g) if (there & (groups == g)).any() else groups == g for g in set(body.groups)]
    centres = np.array([places[each].mean(0) for each in mine])
    for a, b in zip(*np.triu_indices(len(centres), 1), strict=True):
        both = float(strength[a, b] + strength[b, a]) / 2
        draw.line([*centres[a], *centres[b]], fill=(*INK, 150), width=int(np.clip(round(4 * both), 1, 16)))
    received = np.bincount(groups) @ strength / len(groups)
    for (x, y), colour, share in zip(centres, COLOURS, received, strict=False):
        radius = 16 * min(float(share), 4.0) ** 0.5
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=(*colour, 130), outline=colour)
    for (x, y), group in zip(places[there], groups[there], strict=True):
        draw.line([*centres[group], x, y], fill=(*COLOURS[group], 110), width=2)
        draw.ellipse([x - 4, y - 4, x + 4, y + 4], fill=COLOURS[group])
    _legend(draw, body, received)
    return np.asarray(picture)


def confusion(matrix: NDArray[np.int64], body: Body) -> Pixels:
    """Return [y, p] as a table of shaded cells, (SIZE, SIZE, 3): rows are true, columns found.

    Args:
        matrix: (2, 2), or (2, 3) with ties between both emotions.
        body: whose data set names the emotions.
    """
    picture = Image.new("RGB", (SIZE, SIZE), PAPER)
    draw = ImageDraw.Draw(picture)
    short, edge = [name[:3] for name in body.emotions], 40
    heads = (short[0], *("tie",) * (matrix.shape[1] - 2), short[1])
    wide, high = (SIZE - 44) // len(heads), (SIZE - 48) // 2
    letters = _letters(TEXT + 2 if len(heads) == 2 else TEXT - 2)
    for p, head in enumerate(heads):
        draw.text((edge + (p + 0.5) * wide, 20), head, fill=INK, anchor="mm", font=letters)
    for y, p in np.ndindex(matrix.shape):
        share = matrix[y, p] / max(matrix[y].sum(), 1)
        light = tuple(round(255 - share * (255 - c)) for c in COLOURS[0])
        left, top = edge + p * wide, edge + y * high
        draw.rectangle([left, top, left + wide - 2, top + high - 2], fill=light)
        told, ink = f"{matrix[y, p]}\n{100 * share:.0f} %", PAPER if share > 0.75 else INK
        middle = (left + wide / 2, top + high / 2)
        draw.text(middle, told, fill=ink, anchor="mm", align="center", font=letters)
        draw.text((2, middle[1]), short[y], fill=INK, anchor="lm", font=letters)
    return np.asarray(picture)


def _bones(
    draw: Any, places: NDArray[np.float64], there: NDArray[np.bool_], body: Body, colour: Any, width: int
) -> None:
    for one, other in body.bones:
        if there[one] and there[other]:
            draw.line([*places[one], *places[other]], fill=colour, width=width)


def _legend(draw: Any, body: Body, received: NDArray[np.float64]) -> None:
    for at, (name, colour, share) in enumerate(zip(body.group_names, COLOURS, received, strict=False)):
        draw.text((4, 6 + (TEXT + 5) * at), f"{name} {share:.2f}", fill=colour, font=_letters(TEXT))


def _letters(size: int) -> Any:
    return ImageFont.load_default(size)


def _there(clip: Floats, body: Body) -> NDArray[np.bool_]:
    """Return (V,), which joints are seen in any frame."""
    found: NDArray[np.bool_] = (clip[2] > 0).any(0) if body.flat else (clip != 0).any((0, 1))
    return found


def _window(clip: Floats, body: Body) -> Any:
    """Return what puts places, (2, V), into a frame's pixels, (V, 2): all of the clip fits, y of 3-D up."""
    there = _there(clip, body)
    seen = clip[:2][:, :, there if there.any() else slice(None)].reshape(2, -1).astype(np.float64)
    low, high = seen.min(1), seen.max(1)
    scale = 0.8 * SIZE / max(float((high - low).max()), 1e-6)
    sign = np.array([1.0, 1.0 if body.flat else -1.0])

    def put(places: Floats) -> NDArray[np.float64]:
        middle = (low + high) / 2
        return (places.T - middle) * sign * scale + SIZE / 2

    return put
