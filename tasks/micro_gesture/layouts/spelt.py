"""Files of the published layouts, spelt out from videos as they were filmed."""

import json
from collections.abc import Iterable, Iterator
from io import StringIO

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.layouts.tree import File
from isofed.tasks.micro_gesture.drawing.plan import Video
from isofed.tasks.micro_gesture.frames import places
from isofed.tasks.micro_gesture.layouts import imigue as reader
from isofed.tasks.micro_gesture.layouts import miga
from isofed.tasks.micro_gesture.layouts.listed import TABLE
from isofed.tasks.micro_gesture.layouts.smg_miga import EACH, TRAINED

Floats = NDArray[np.float32]
Films = Iterable[tuple[Video, Floats]]
UNTOLD = "u"
PIXELS, METRES = 2, 4  # decimals
LISTED = {"train": "train_list.json", "test": "test_list.json"}
DEEPEST = 4000  # that a Kinect measures, millimetres


def imigue(films: Films, told: bool) -> Iterator[File]:
    """Spell a JSON file for each clip, the lists of clips, and the table of videos."""
    lists: dict[str, list[str]] = {"train_list.json": [], "valid_list.json": [], "test_list.json": []}
    table = ["video_id,subject_id"]  # the emotion stands in the clips' names, and nobody need hold others'
    for video, joints in films:
        number, emotion = f"{video.number:04d}", str(video.label) if told else UNTOLD
        table.append(f"{video.number},{video.subject}")
        for clip, frames in enumerate(_clips(video, joints)):
            lists[LISTED[video.side]].append(f"{number}_{clip}")
            yield f"clips/{number}_{emotion}_{clip + 1}.json", _openpose(frames)
    for name, keys in lists.items():
        yield name, json.dumps(keys).encode()
    yield TABLE, _lines(table)


def imigue_miga(films: Films, told: bool) -> Iterator[File]:
    """Spell a table of joints and one of gestures for each video, and the table of videos."""
    table = ["video_id,subject_id,win_or_lose"]
    for video, joints in films:
        table.append(f"{video.number},{video.subject},{_outcome(video, told)}")
        folder = f"{miga.FOLDER}{video.side}/{video.number:04d}/{video.number:04d}"
        whole = np.zeros((len(joints), 35, 3))
        whole[:, miga.USED] = joints
        frames = np.arange(len(joints))[:, None]
        yield f"{folder}_light_hand.csv", _csv(np.hstack([frames, whole.reshape(len(joints), -1)]), PIXELS)
        yield f"{folder}_label.csv", _gestures(video, 0)
    yield TABLE, _lines(table)


def smg(films: Films, told: bool) -> Iterator[File]:
    """Spell a JSON file for each clip in the folder of its split, 52 frames as published."""
    for video, joints in films:
        for clip, frames in enumerate(_clips(video, joints)):
            emotion = str(video.label) if told else UNTOLD
            name = f"Sample{video.subject:04d}_{video.number}_{clip + 1}_{emotion}.json"
            body = {
                "file_name": name,
                "skeletons": _rounded(frames[places(np.array([len(frames)]))[0]], METRES),
            }
            yield f"{video.side}/{name}", json.dumps(body).encode()


def smg_miga(films: Films, told: bool) -> Iterator[File]:
    """Spell the tables of joints, gestures and emotions of each subject, whose videos are one recording."""
    people: dict[int, list[tuple[Video, Floats]]] = {}
    for video, joints in films:
        people.setdefault(video.subject, []).append((video, joints))
    trained = min(-(-3 * len(people) // 4), TRAINED)
    for place, own in enumerate(people.values()):
        # who is tested is told by the number alone
        number = place + 1 if place < trained else TRAINED + 1 + place - trained
        yield from _participant(f"Sample{number:04d}/Sample{number:04d}", own, told)


def _participant(prefix: str, own: list[tuple[Video, Floats]], told: bool) -> Iterator[File]:
    whole = np.concatenate([joints for _, joints in own])
    table = np.zeros((len(whole), whole.shape[1], EACH))
    table[..., :3] = whole
    starts = np.cumsum([0, *(len(joints) for _, joints in own)]).tolist()
    emotions = [
        f"{place},{start},{end - 1},{10 * video.label + video.label + 1}"
        for place, ((video, _), start, end) in enumerate(zip(own, starts, starts[1:], strict=False))
    ]
    yield f"{prefix}_skeleton.csv", _csv(table.reshape(len(whole), -1), METRES)
    yield f"{prefix}_data.csv", f"{len(whole)},30,{DEEPEST}\n".encode()
    gestures = [_gestures(video, start) for (video, _), start in zip(own, starts, strict=False)]
    yield f"{prefix}_finelabels.csv", b"".join(gestures)
    yield f"{prefix}_tflabels_new.csv", _lines(emotions if told else [])


def _clips(video: Video, joints: Floats) -> Iterator[Floats]:
    for start, length in zip(video.starts.tolist(), video.lengths.tolist(), strict=True):
        yield joints[start : start + length]


def _openpose(joints: Floats) -> bytes:
    """Spell a clip: joints that we do not draw are given as not found."""
    count = sum(reader.PARTS.values())
    whole = np.zeros((len(joints), count, 3), np.float32)
    whole[:, reader.USED] = joints
    ends = np.cumsum([0, *reader.PARTS.values()]).tolist()
    parts = {
        name: _rounded(whole[:, start:end], PIXELS)
        for name, start, end in zip(reader.PARTS, ends, ends[1:], strict=False)
    }
    face = {name: np.zeros((len(joints), count, 3), int).tolist() for name, count in reader.FACE.items()}
    return json.dumps(parts | face, separators=(",", ":")).encode()


def _rounded(numbers: Floats, decimals: int) -> object:
    return np.round(numbers.astype(np.float64), decimals).tolist()


def _csv(table: NDArray[np.float64], decimals: int) -> bytes:
    text = StringIO()
    np.savetxt(text, np.round(table.astype(np.float64), decimals), fmt="%.10g", delimiter=",")
    return text.getvalue().encode()


def _gestures(video: Video, after: int) -> bytes:
    """Spell the rows class,start,end of a video that begins ``after`` so many frames."""
    rows = zip(
        video.gestures + 1, video.starts + after, video.starts + video.lengths - 1 + after, strict=True
    )
    return _lines([f"{gesture},{start},{end}" for gesture, start, end in rows])


def _outcome(video: Video, told: bool) -> str:
    return ("win" if video.label else "lose") if told else ""


def _lines(rows: list[str]) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()
