"""What a finished run adds to TensorBoard, read back as TensorBoard reads it."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from isofed.errors import DataError
from isofed.seeds import public
from isofed.simulations import projector
from isofed.simulations.board import RIGHT, WRONG, Finished, chosen, publish, strip
from isofed.simulations.projector import Projection, sheet, write_projection
from isofed.simulations.report import Gallery, GalleryRow, Hit

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

CONFIG = {
    "data": {"layout": "sysu", "seed": 0},
    "task": {"name": "reid", "height": 32, "width": 16},
    "strategy": {"name": "dppt", "lam": 0.5, "over": None},
    **{"seed": 3, "rounds": 2, "progress": False},
    "overrides": [
        "strategy=dppt",
        "strategy.lam=0.5",
        "progress=false",
        "+task.height=32",
        "hydra.run.dir=/x",
    ],
}


def pictures(count: int, height: int = 12, width: int = 6) -> Any:
    return public(0, 0, "", "board").integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def gallery() -> Gallery:
    query, *hits = pictures(4)
    return Gallery(
        (GalleryRow(query, "camera 3", tuple(Hit(h, k != 1, "camera 1") for k, h in enumerate(hits))),)
    )


def projection(count: int = 7, height: int = 12, width: int = 6) -> Projection:
    draw = public(0, 0, "", "points")
    ids, cams = np.arange(count) % 3, np.arange(count) % 2 + 1
    words = np.where(cams == 1, "infrared", "visible")
    return Projection(draw.normal(size=(count, 4)), pictures(count, height, width), ids, cams, words)


def read(folder: Path) -> Any:
    events = accumulator.EventAccumulator(str(folder))
    events.Reload()
    return events


@pytest.fixture
def board(tmp_path: Path) -> Path:
    publish(tmp_path, "federated", Finished(2, CONFIG, {"mAP": 0.25, "R1": 0.5}, gallery(), projection()))
    return tmp_path


def test_each_query_is_an_image_with_its_hits(board: Path) -> None:
    (found,) = read(board / "federated").Images("gallery/query_01")
    pixels = np.asarray(Image.open(io.BytesIO(found.encoded_image_string)))
    assert found.step == 2 and pixels.shape == (found.height, found.width, 3)
    assert np.array_equal(pixels, strip(gallery().rows[0]))


def test_frames_are_green_for_right_and_red_with_a_cross_for_wrong() -> None:
    pixels = strip(gallery().rows[0])
    top = pixels[0]
    runs = [tuple(colour) for colour in top[np.r_[True, (np.diff(top.astype(int), axis=0) != 0).any(1)]]]
    framed = [colour for colour in runs if colour in (RIGHT, WRONG)]
    assert framed == [RIGHT, WRONG, RIGHT]
    red = (pixels[4:-4] == WRONG).all(-1).sum(0)
    # a frame's own two sides are full columns; the cross is red that is neither full nor absent
    assert ((red > 0) & (red < pixels.shape[0] - 8)).sum() >= 8


def test_configuration_and_a_word_on_the_pictures_are_text(board: Path) -> None:
    events = read(board / "federated")
    (text,) = events.Tensors("configuration")[0].tensor_proto.string_val
    lines = text.decode().splitlines()
    # indented by four, so that Markdown leaves it as it is
    assert all(line.startswith("    ") for line in lines)
    assert json.loads("".join(lines)) == CONFIG
    assert b"own test pictures" in events.Tensors("whose_pictures")[0].tensor_proto.string_val[0]


def test_hyper_parameters_are_what_the_user_set() -> None:
    assert chosen(CONFIG) == {
        **{"seed": 3, "rounds": 2, "strategy.name": "dppt", "task.name": "reid", "data.layout": "sysu"},
        **{"strategy.lam": 0.5, "task.height": 32},
    }
    assert chosen({"seed": None}) == {"seed": "null"}


def test_hyper_parameters_stand_beside_the_final_metrics_alone(board: Path) -> None:
    tags = read(board / "final").Tags()
    assert tags["scalars"] == ["final/mAP", "final/R1"]
    assert tags["tensors"] == ["_hparams_/session_start_info"]
    assert read(board / "final").Scalars("final/mAP")[0].value == 0.25


def test_the_projector_finds_points_labels_and_thumbnails(board: Path) -> None:
    """Asked through the plugin itself, as the browser asks it."""
    multiplexer = pytest.importorskip("tensorboard.backend.event_processing.plugin_event_multiplexer")
    from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.projector.projector_plugin import ProjectorPlugin
    from werkzeug.test import Client
    from werkzeug.wrappers import Response

    runs = multiplexer.EventMultiplexer().AddRunsFromDirectory(str(board)).Reload()
    context = TBContext(logdir=str(board), data_provider=MultiplexerDataProvider(runs, str(board)))
    routes = ProjectorPlugin(context).get_plugin_apps()

    def ask(route: str, **query: str) -> Any:
        answer = Client(routes[route], Response).get("/", query_string={"run": "federated", **query})
        assert answer.status_code == 200, answer.data
        return answer

    points = projection()
    (info,) = ask("/info").json["embeddings"]
    assert info["tensorShape"] == [7, 4] and info["sprite"]["singleImageDim"] == [6, 12]
    tensor = np.frombuffer(ask("/tensor", name="embedding").data, np.float32).reshape(7, 4)
    assert np.allclose(tensor, points.vectors, atol=1e-4)
    labels = [line.split("\t") for line in ask("/metadata", name="embedding").data.decode().splitlines()]
    assert labels[0] == ["identity", "camera", "modality"] and len(labels) == 8
    assert labels[5] == ["1", "1", "infrared"]
    sprite = np.asarray(Image.open(io.BytesIO(ask("/sprite_image", name="embedding").data)))
    assert np.array_equal(sprite, sheet(points.thumbnails))


@given(
    arrays.arrays(
        np.uint8,
        st.tuples(st.integers(1, 30), st.integers(1, 4), st.integers(1, 4), st.just(3)),
        unique=False,
    )
)
def test_thumbnail_n_stands_where_the_projector_looks_for_it(thumbnails: Any) -> None:
    count, height, width, _ = thumbnails.shape
    whole = sheet(thumbnails)
    across = whole.shape[1] // width
    assert (across - 1) ** 2 < count <= across * (whole.shape[0] // height) < count + across
    for n, picture in enumerate(thumbnails):
        y, x = height * (n // across), width * (n % across)
        assert np.array_equal(whole[y : y + height, x : x + width], picture)


def test_what_does_not_fit_on_a_sheet_is_thinned_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projector, "SHEET", 24)
    write_projection(tmp_path, projection(count=9))
    assert np.loadtxt(tmp_path / "embedding.tsv").shape == (4, 4)
    with Image.open(tmp_path / "embedding.png") as picture:
        assert picture.size == (12, 24)
    rows = (tmp_path / "embedding_labels.tsv").read_text().splitlines()[1:]
    assert [row.split("\t")[0] for row in rows] == ["0", "0", "2", "2"]


def test_a_projection_whose_parts_do_not_match_is_refused() -> None:
    whole = vars(projection())
    for part, wrong in (("ids", np.arange(6)), ("vectors", np.zeros(7)), ("thumbnails", pictures(7)[..., 0])):
        with pytest.raises(DataError, match=r"expected \(n, D\) and \(n, height, width, 3\)"):
            Projection(**{**whole, part: wrong})


def test_without_pictures_the_configuration_stands_alone(tmp_path: Path) -> None:
    publish(tmp_path, "federated", Finished(1, CONFIG, {}))
    tags = read(tmp_path / "federated").Tags()
    assert tags["tensors"] == ["configuration"] and tags["images"] == []
    assert not (tmp_path / "federated" / "projector_config.pbtxt").exists()


def test_publishing_needs_neither_torch_nor_tensorflow_and_warns_of_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from test_board import *;"
        "publish(Path(sys.argv[1]), 'a', Finished(1, CONFIG, {'mAP': 0.5}, gallery(), projection()));"
        "print({'torch', 'tensorflow', 'hydra'} & set(sys.modules))"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path)]
    here = Path(__file__).parent
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=here)
    assert told.stdout.strip() == "set()", told.stderr
