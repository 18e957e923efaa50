from pathlib import Path

import pytest

from lucidsonic.errors import ModelCardError
from lucidsonic.generators import FAMILIES
from lucidsonic.trajectory import Options
from lucidsonic.zoo import Catalog, ModelCard
from lucidsonic.zoo.catalog import shipped_models_dir
from lucidsonic.zoo.shelf import delete_folder
from lucidsonic.zoo.table import BEGIN, END, markdown_table

SHIPPED = sorted(path.parent.name for path in shipped_models_dir().glob("*/model.toml"))
PUBLISHED = [name for name in SHIPPED if name.startswith(("r3gan_", "stylegan"))]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_card_says_what_its_family_and_the_steering_understand(name: str) -> None:
    card = Catalog(shipped_models_dir())[name]
    assert card.family in FAMILIES
    assert card.license
    Options.model_validate(card.trajectory)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_card_has_a_page_for_people(name: str) -> None:
    page = shipped_models_dir() / name / "README.md"
    assert len(page.read_text(encoding="utf-8")) > 100


def test_the_five_r3gan_networks_bear_their_known_ids() -> None:
    wanted = {
        "r3gan_ffhq_256": 256,
        "r3gan_ffhq_64": 64,
        "r3gan_cifar10": 32,
        "r3gan_imagenet_64": 64,
        "r3gan_imagenet_32": 32,
    }
    catalog = Catalog(shipped_models_dir())
    assert {name: catalog[name].resolution for name in wanted} == wanted
    assert len(catalog["r3gan_cifar10"].classes) == 10


def test_every_published_network_is_there() -> None:
    wanted = {
        "r3gan_": 5,
        "stylegan3-": 12,
        "stylegan2-ada-": 7,
        "stylegan2-self-": 4,
        "stylegan2-": 26,
    }
    counts = {
        prefix: len([name for name in PUBLISHED if name.startswith(prefix)])
        for prefix in wanted
    }
    assert counts == wanted


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_network_names_its_source_and_invents_no_checksum(name: str) -> None:
    weights = Catalog(shipped_models_dir())[name].weights
    assert weights.source in {"hub", "url"}
    assert getattr(weights, "sha256", None) is None


def test_the_table_in_the_readme_is_the_cards_own() -> None:
    text = (shipped_models_dir() / "README.md").read_text(encoding="utf-8")
    table = text[text.index(BEGIN) : text.index(END) + len(END)]
    catalog = Catalog(shipped_models_dir())
    wanted = markdown_table(catalog[name] for name in catalog)
    assert table == wanted, "run 'lucidsonic models list --markdown' and paste its output"


def test_a_misspelt_key_in_a_card_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    card = tmp_path / "x" / "model.toml"
    card.parent.mkdir()
    card.write_text('id = "x"\nfamily = "r3gan"\ntitel = "X"\n', encoding="utf-8")
    with pytest.raises(ModelCardError, match=r"x/model.toml.*no setting 'titel'\.$"):
        ModelCard.read(card)


OUTSIDE = ["../x.pkl", "a/../../x.pkl", "/etc/passwd", "C:\\x.pkl", "..\\x.pkl", "."]


@pytest.mark.parametrize("file", OUTSIDE)
@pytest.mark.parametrize("source", ["bundled", "hub"])
def test_weights_that_a_card_keeps_elsewhere_are_refused(
    source: str, file: str, tmp_path: Path
) -> None:
    card = tmp_path / "x" / "model.toml"
    card.parent.mkdir()
    repo = 'repo = "a/b"\n' if source == "hub" else ""
    card.write_text(
        'id = "x"\nfamily = "r3gan"\ntitle = "X"\nlicense = "none"\nresolution = 32\n'
        f"[weights]\nsource = '{source}'\nfile = '{file}'\n{repo}",
        encoding="utf-8",
    )
    with pytest.raises(ModelCardError, match="inside the model's own folder"):
        ModelCard.read(card)


def test_a_card_that_is_a_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x" / "model.toml").mkdir(parents=True)
    with pytest.raises(ModelCardError, match="is a directory"):
        _ = Catalog(tmp_path)["x"]


def test_a_model_goes_with_the_folders_in_it(tmp_path: Path) -> None:
    model = tmp_path / "x"
    (model / "samples").mkdir(parents=True)
    (model / "samples" / "a.png").write_bytes(b"12345")
    assert delete_folder(model) == 5
    assert not list(tmp_path.iterdir())
