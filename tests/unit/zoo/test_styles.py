"""What a style may be, and what comes of it: through the pipeline, with small real networks."""

import hashlib
import json
import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path

import hostile
import pickled
import pytest
import torch
from hub_server import Hub, serving
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from lucidsonic.errors import ConfigError, LucidsonicError, UnknownNameError, WeightsError
from lucidsonic.pipeline.adding import add_model, convert_file
from lucidsonic.pipeline.browse import controls_at_rest, paint_seeds
from lucidsonic.pipeline.models import describe_style, load_generator, open_generator
from lucidsonic.pipeline.styles import read_style
from lucidsonic.pipeline.weights import ready_weights
from lucidsonic.types import Progress
from lucidsonic.zoo import Catalog, user_models_dir
from lucidsonic.zoo.fetch import converted_dir

FIXTURES = Path(__file__).parents[2] / "fixtures"
FACES = FIXTURES / "stylegan2_ada_cond_32.pkl"
PICKLES = {path.stem: path for path in sorted(FIXTURES.glob("*.pkl"))}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with serving() as server:
        server.repos["someone/faces"] = {"a" * 40: {"x.pkl": FACES.read_bytes()}}
        server.files["/x.pkl"] = FACES.read_bytes()
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_opens_as_a_generator_with_the_documented_attributes(name: str) -> None:
    generator = load_generator(PICKLES[name], device="cpu", precision="fp32")
    z = torch.randn(2, generator.z_dim, generator=torch.Generator().manual_seed(0))
    picture = generator(z, torch.eye(generator.c_dim)[:2] if generator.c_dim else None)
    assert picture.shape == (2, 3, *generator.size)
    assert picture.dtype == torch.float32
    assert torch.isfinite(picture).all()
    assert generator.has_mapping == (name != "r3gan_cond_32")
    if generator.has_mapping:
        w = generator.mapping(z, torch.eye(generator.c_dim)[:2], truncation_psi=0.7)
        assert w.shape[:2] == (2, generator.num_ws)
        assert generator.synthesis(w, noise_mode="const").shape == picture.shape
    else:
        assert generator.num_ws == 0


def test_a_precision_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigError, match="fp12"):
        load_generator(FACES, precision="fp12")


def test_a_pickle_is_converted_once_and_later_starts_skip_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[Progress] = []
    first = open_generator(FACES, on_progress=said.append)
    assert any("without running it" in progress.note for progress in said)
    assert [path.suffix for path in converted_dir().iterdir() if path.suffix != ".lock"] == [
        ".safetensors"
    ]

    def never(_path: Path) -> None:
        raise AssertionError("unpickled again")

    monkeypatch.setattr("lucidsonic.pipeline.weights.read_pickle_records", never)
    second = open_generator(FACES)
    assert first.fingerprint == second.fingerprint
    assert first.weights_sha256 == hashlib.sha256(FACES.read_bytes()).hexdigest()


def test_other_options_are_another_fingerprint() -> None:
    plain = open_generator(FACES).fingerprint
    assert open_generator(FACES, options={"aspect": 2.0}).fingerprint != plain


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ConfigError, match="colour"):
        open_generator(FACES, options={"colour": "red"})


def convert_in_a_process(path: str) -> str:
    return str(ready_weights(Path(path)).path)


def test_two_processes_convert_to_one_file() -> None:
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        paths = pool.map(convert_in_a_process, [str(FACES)] * 2)
    assert len(set(paths)) == 1
    assert ready_weights(FACES).family == "stylegan2"


@pytest.mark.parametrize("kind", [SafetensorError, OSError])
def test_a_conversion_for_which_the_disk_is_too_full_says_so(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def full(_tensors: object, path: Path, **_metadata: object) -> None:
        path.write_bytes(b"half of it")
        if kind is OSError:
            raise OSError(28, "No space left on device")
        raise SafetensorError(
            "Error while serializing: I/O error: No space left on device (os error 28)"
        )

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(WeightsError, match=r"written: no space left on device\.$"):
        open_generator(FACES)
    assert [path.suffix for path in converted_dir().iterdir()] == [".lock"]


def test_a_network_of_no_known_family_is_refused_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "other.pkl"
    file.write_bytes(pickled.written({"G_ema": pickled.module_of(w=torch.ones(2))}))
    with pytest.raises(WeightsError, match="no family recognises") as caught:
        open_generator(file)
    assert "models/README.md" in caught.value.hint


def test_a_hostile_file_is_refused_and_leaves_no_conversion(tmp_path: Path) -> None:
    file = tmp_path / "network.pkl"
    file.write_bytes(hostile.running(print, "hello"))
    with pytest.raises(WeightsError, match="wants to use"):
        open_generator(file)
    assert not list(converted_dir().glob("*.safetensors"))


def test_safetensors_without_a_card_ask_for_one(tmp_path: Path) -> None:
    save_file({"w": torch.ones(2)}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match="what kind of network"):
        open_generator(tmp_path / "model.safetensors")


def test_broken_safetensors_are_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes((20).to_bytes(8, "little") + b"{" + b"x" * 40)
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        open_generator(file)


def test_a_folder_with_a_card_and_the_newest_snapshot_of_a_run_open(tmp_path: Path) -> None:
    add_model(FACES, "my_faces")
    assert read_style(user_models_dir() / "my_faces").kind == "card"
    for number in ("000200", "000400"):
        (tmp_path / f"network-snapshot-{number}.pkl").write_bytes(FACES.read_bytes())
    assert read_style(tmp_path).file == tmp_path / "network-snapshot-000400.pkl"
    with pytest.raises(WeightsError, match="no network in"):
        read_style(user_models_dir())


@pytest.mark.parametrize(
    ("style", "error"),
    [
        ("nobody", UnknownNameError),
        ("./nobody.pkl", WeightsError),
        ("hf://onlyowner", ConfigError),
        ("no_such_module:paint", ConfigError),
        ("http://example.com/x.pkl", WeightsError),
    ],
)
def test_a_style_that_is_nothing_is_an_error_for_people(
    style: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        open_generator(style)


def test_a_style_on_the_hub_opens_and_says_what_it_fetches(hub: Hub) -> None:
    said: list[Progress] = []
    style = "hf://someone/faces/x.pkl"
    assert describe_style(style).bytes_to_fetch == -1
    model = open_generator(style, on_progress=said.append)
    assert model.generator.capabilities.size == (32, 32)
    assert any("1.3 MB from hf://someone/faces" in progress.note for progress in said)
    assert describe_style(style).bytes_to_fetch == 0


def test_a_style_at_an_address_opens(hub: Hub) -> None:
    model = open_generator(f"{hub.url}/x.pkl")
    assert model.generator.capabilities.size == (32, 32)


def test_a_web_page_at_an_address_is_refused(hub: Hub) -> None:
    hub.files["/x.pkl"] = b"<!doctype html><title>Sign in</title>"
    with pytest.raises(WeightsError, match="web page"):
        open_generator(f"{hub.url}/x.pkl")


# Python


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module of a person's own in the current folder."""
    (tmp_path / "my_art.py").write_text(
        "import numpy as np\n"
        "def paint(z, classes):\n"
        "    rows = np.asarray(z)[:, :1, None, None]\n"
        "    return (np.tanh(rows) * np.ones((1, 3, 8, 12))).astype('float32')\n"
        "paint.z_dim = 16\n"
        "def classic(noise, labels):\n"
        "    from PIL import Image\n"
        "    return [Image.new('RGB', (10, 6), (255, 0, 51)) for _ in noise]\n"
        "classic.input_shape, classic.num_possible_classes = 8, 3\n"
        "def make():\n"
        "    return paint\n"
        "def make_number():\n"
        "    return 7\n"
        "def wrong(z, classes):\n"
        "    return np.zeros((1, 3, 8, 8))\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("my_art", None)


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize("name", ["paint", "make"])
def test_a_function_of_ones_own_paints(name: str) -> None:
    generator = load_generator(f"my_art:{name}")
    assert (generator.z_dim, generator.c_dim, generator.size) == (16, 0, (8, 12))
    z = torch.tensor([[0.5] + [0.0] * 15])
    assert generator(z).mean().item() == pytest.approx(0.4621, abs=1e-3)
    frames = generator.render(controls_at_rest(generator.generator, range(3)))
    assert frames.shape == (3, 3, 8, 12)
    assert 0 <= frames.min() <= frames.max() <= 1


@pytest.mark.usefixtures("module")
def test_code_that_was_edited_but_not_imported_anew_is_known_as_what_runs(
    tmp_path: Path,
) -> None:
    before = open_generator("my_art:paint").fingerprint
    file = tmp_path / "my_art.py"
    file.write_text(file.read_text().replace("np.tanh", "np.cos"))
    assert open_generator("my_art:paint").fingerprint == before
    del sys.modules["my_art"]
    assert open_generator("my_art:paint").fingerprint != before


@pytest.mark.usefixtures("module")
def test_a_function_of_the_classic_tool_paints() -> None:
    generator = load_generator("my_art:classic")
    assert (generator.z_dim, generator.c_dim, generator.size) == (8, 3, (6, 10))
    picture = paint_seeds(generator.generator, range(2))[0]
    assert picture[0, 0].tolist() == [255, 0, 51]


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nothing", "Cannot import"),
        ("make_number", "cannot paint"),
        ("wrong", "gave \\(1, 3, 8, 8\\) for 4"),
    ],
)
def test_a_function_that_does_not_paint_is_one_sentence(name: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        open_generator(f"my_art:{name}")


# adding


def test_an_added_model_has_weights_a_card_and_a_sample() -> None:
    folder = add_model(FACES, "my_faces", licence="CC0-1.0", title="My faces")
    assert sorted(path.name for path in folder.iterdir()) == [
        "model.safetensors",
        "model.toml",
        "sample.webp",
    ]
    card = Catalog()["my_faces"]
    assert (card.family, card.license, card.title, card.resolution) == (
        "stylegan2",
        "CC0-1.0",
        "My faces",
        32,
    )
    z = torch.zeros(1, 48)
    assert torch.equal(load_generator("my_faces")(z), load_generator(FACES)(z))


def test_a_taken_id_is_refused_unless_it_may_be_replaced() -> None:
    add_model(FACES, "mine")
    with pytest.raises(ConfigError, match="already"):
        add_model(FACES, "mine")
    add_model(FACES, "mine", title="Again", overwrite=True)
    assert Catalog()["mine"].title == "Again"
    assert [path.name for path in user_models_dir().iterdir() if path.name != "pins"] == [
        "mine"
    ]


@pytest.mark.parametrize("name", ["My Faces", "../evil", "a/b", ""])
def test_an_id_that_is_no_name_of_a_folder_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        add_model(FACES, name)


def test_a_file_that_cannot_be_added_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "x.pkl"
    file.write_bytes(b"hello, I am not a network")
    with pytest.raises(WeightsError):
        add_model(file, "mine")
    assert not list(user_models_dir().glob("*"))


def test_weights_that_are_no_numbers_are_not_added(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    convert_file(FACES, file)
    with safe_open(file, "pt") as weights:
        said = weights.metadata()
    tensors = load_file(file)
    tensors[max(tensors, key=lambda name: tensors[name].numel())].fill_(torch.nan)
    save_file(tensors, file, said)
    with pytest.raises(LucidsonicError, match="pixels that are no numbers"):
        add_model(file, "mine")
    assert not list(user_models_dir().glob("*"))


def test_changed_weights_of_an_added_model_are_refused() -> None:
    folder = add_model(FACES, "mine")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"abcd")
    with pytest.raises(WeightsError, match="not those that its card names"):
        load_generator("mine")


def test_a_converted_file_describes_itself(tmp_path: Path) -> None:
    target = tmp_path / "out.safetensors"
    assert convert_file(FACES, target).family == "stylegan2"
    assert open_generator(target).generator.capabilities.size == (32, 32)
    with pytest.raises(ConfigError, match="already"):
        convert_file(target, tmp_path / "again.safetensors")
    with pytest.raises(ConfigError, match="exists already"):
        convert_file(FACES, target)


def test_a_card_that_names_another_family_is_refused() -> None:
    folder = add_model(FACES, "mine")
    card = folder / "model.toml"
    card.write_text(card.read_text().replace("stylegan2", "r3gan", 1), encoding="utf-8")
    with pytest.raises(WeightsError, match="says r3gan"):
        load_generator("mine")


def test_the_options_in_a_converted_file_are_plain_json() -> None:
    assert json.loads(json.dumps(dict(ready_weights(FACES).options)))["w_dim"] == 56


@pytest.mark.parametrize("file", ["../../secret.pkl", "/etc/passwd", "a/./x.pkl"])
def test_an_address_that_leads_out_of_its_repository_is_refused(file: str) -> None:
    with pytest.raises(ConfigError, match="leads out"):
        read_style(f"hf://owner/name/{file}")
