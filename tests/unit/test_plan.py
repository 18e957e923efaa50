import doctest
import tomllib
from pathlib import Path

import pytest

from lucidsonic import plan as plan_module
from lucidsonic.errors import ConfigError, UnknownNameError
from lucidsonic.pipeline.settling import SETTINGS, nest, settle
from lucidsonic.pipeline.styles import read_style
from lucidsonic.plan import Layer, plan_to_toml, read_plan, resolve
from lucidsonic.zoo import ModelCard
from lucidsonic.zoo.catalog import shipped_models_dir

SONG = {"song": {"path": "song.wav"}}


def test_the_examples_in_the_docstrings_are_true():
    assert doctest.testmod(plan_module).failed == 0


def test_a_stronger_layer_wins_and_is_named_as_the_origin():
    resolved = resolve(
        [
            Layer("card", {"film": {"fps": "24", "fit": "tile"}}),
            Layer("flag", {**SONG, "film": {"fps": "60"}}),
        ]
    )

    rows = {name: (value, origin) for name, value, origin in resolved.rows()}
    assert rows["film.fps"] == ("60", "flag")
    assert rows["film.fit"] == ("tile", "card")
    assert rows["film.height"][1] == "default"


def test_flags_beat_the_plan_file_beats_the_quality_beats_the_style(tmp_path: Path):
    file = tmp_path / "film.toml"
    file.write_text('[song]\npath = "song.wav"\n[film]\nheight = 480\n')

    resolved = settle(plan_file=file, quality="draft", crf=30)

    assert resolved.plan.film.height == 480  # the plan file, not the quality's 360
    assert str(resolved.plan.film.fps) == "24"  # the quality
    assert resolved.plan.film.encoding.crf == 30  # the flag, not the quality's 23
    assert resolved.plan.song.path == tmp_path / "song.wav"


def test_a_misspelt_key_is_named():
    with pytest.raises(ConfigError, match=r"film\.fpss"):
        resolve([Layer("plan", {**SONG, "film": {"fpss": 3}})])


def test_a_misspelt_setting_names_the_right_one():
    with pytest.raises(UnknownNameError) as caught:
        nest({"speed_fmp": 3})

    assert caught.value.hint == "Did you mean 'speed_fpm'?"


@pytest.mark.parametrize(
    "settings",
    [
        {"size": "1921x1080"},
        {"size": "0x0"},
        {"size": "wide"},
        {"fps": "0"},
        {"crf": 99},
        {"batch_size": "many"},
        {"batch_size": 0},
        {"start": "0:20", "end": "0:10"},
        {"duration": "3", "end": "9"},
        {"classes": "1,x"},
        {"seed": -1},
        {"flash_strength": 2},
    ],
)
def test_a_value_out_of_range_is_one_clear_sentence(settings: dict):
    with pytest.raises(ConfigError) as caught:
        settle("song.wav", **settings)

    assert "\n" not in str(caught.value)


def test_no_song_is_said():
    with pytest.raises(ConfigError, match="No song"):
        settle()


def test_a_plan_survives_being_written_and_read(tmp_path: Path):
    resolved = settle(tmp_path / "song.wav", fps="23.976", size="640x360", seed=7, end="1:20")
    file = tmp_path / "film.toml"
    file.write_text(plan_to_toml(resolved.plan))

    assert resolve([Layer("plan", read_plan(file))]).plan == resolved.plan


def test_every_setting_has_a_name_of_its_own():
    tables = tomllib.loads(plan_to_toml(settle("song.wav").plan))

    assert len(set(SETTINGS.values())) == len(SETTINGS)
    assert {path.split(".")[0] for path in SETTINGS.values()} >= tables.keys() - {"effects"}


def test_an_effect_replaces_the_one_of_its_name_and_can_be_switched_off():
    style = Layer("card", {"effects": ({"name": "bloom"}, {"name": "vignette"})})
    flags = Layer(
        "flag",
        {
            **SONG,
            "effects": ({"name": "bloom", "amount": 0.9}, {"name": "vignette", "off": True}),
        },
    )

    assert resolve([style, flags]).plan.effects == ({"name": "bloom", "amount": 0.9},)


def test_an_effect_on_a_stage_leaves_the_one_on_the_picture():
    below = Layer("card", {**SONG, "effects": ({"name": "zoom"}, {"name": "zoom", "stage": 1})})
    above = Layer("flag", {"effects": ({"name": "zoom", "stage": 1, "amount": 0.2},)})

    assert resolve([below, above]).plan.effects == (
        {"name": "zoom"},
        {"name": "zoom", "stage": 1, "amount": 0.2},
    )


def test_the_strengths_of_the_field_are_effects():
    plan = settle("song.wav", contrast_strength=0.5, flash_strength=0.25, effects=["hue"]).plan

    assert [(e["name"], e.get("amount")) for e in plan.effects] == [
        ("contrast", 0.5),
        ("flash", 0.25),
        ("hue", None),
    ]


def test_no_strength_takes_away_the_effect_of_a_style_or_plan(tmp_path: Path):
    filed = tmp_path / "plan.toml"
    filed.write_text('[[effects]]\nname = "flash"\n')

    assert settle("song.wav", plan_file=filed).plan.effects == ({"name": "flash"},)
    assert settle("song.wav", plan_file=filed, flash_strength=0).plan.effects == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('song = "song.wav"', "'song' must be a table"),
        ('effects = ["flash"]', "'effects' must be tables"),
        ("film = [1]", "'film' must be a table"),
    ],
)
def test_a_value_where_a_table_belongs_is_one_sentence(text: str, said: str, tmp_path: Path):
    file = tmp_path / "film.toml"
    file.write_text(text)

    with pytest.raises(ConfigError, match=said):
        settle("song.wav", plan_file=file)


def test_a_plan_that_is_no_text_says_so(tmp_path: Path):
    (tmp_path / "a.toml").write_bytes(b"\x89PNG")

    with pytest.raises(ConfigError, match=r"a\.toml': it is not a text\.$"):
        read_plan(tmp_path / "a.toml")
    with pytest.raises(ConfigError, match=r"b\.toml': no such file or directory\.$"):
        read_plan(tmp_path / "b.toml")


def test_a_setting_of_several_kinds_is_called_by_its_name():
    with pytest.raises(ConfigError, match=r"^film\.encoding\.codec = 'foo' .*'h264'"):
        settle("song.wav", codec="foo")
    with pytest.raises(ConfigError, match=r"^model\.batch_size = 0 "):
        settle("song.wav", batch_size=0)


def test_what_one_film_asks_for_is_not_asked_of_the_next():
    settle("a.wav", quality="draft", codec="prores", crf=40)

    assert settle("b.wav", quality="draft").plan.film.encoding.codec == "auto"
    assert settle("b.wav", quality="draft").plan.film.encoding.crf == 23


def test_a_network_beside_a_plan_is_found_from_any_folder(tmp_path: Path):
    (tmp_path / "net.safetensors").touch()
    (tmp_path / "film.toml").write_text(
        '[song]\npath = "a.wav"\n[model]\nstyle = "net.safetensors"\n'
    )

    assert settle(plan_file=tmp_path / "film.toml").plan.model.style == str(
        tmp_path / "net.safetensors"
    )


def test_a_duration_counts_from_the_start_that_the_plan_names(tmp_path: Path):
    (tmp_path / "film.toml").write_text('[song]\npath = "a.wav"\nstart = 0.5\n')

    planned = settle(plan_file=tmp_path / "film.toml", duration="1").plan.song
    flagged = settle(plan_file=tmp_path / "film.toml", start="2", duration="1").plan.song

    assert (planned.start, planned.end) == (0.5, 1.5)
    assert (flagged.start, flagged.end) == (2, 3)


def test_a_style_of_ones_own_folder_is_found_by_who_loads_it(tmp_path: Path):
    mine = tmp_path / "mine"
    mine.mkdir()
    card = (shipped_models_dir() / "ember" / "model.toml").read_text()
    (mine / "model.toml").write_text(card.replace('id = "ember"', 'id = "mine"'))

    plan = settle("a.wav", style="mine", models_dir=tmp_path).plan

    assert read_style(plan.model.style).card == ModelCard.read(mine / "model.toml")
