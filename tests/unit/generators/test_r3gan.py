import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lucidsonic.errors import ConfigError, WeightsError
from lucidsonic.generators import build_generator, r3gan
from lucidsonic.generators.r3gan.convert import official_name
from lucidsonic.generators.r3gan.network import (
    Discriminator,
    Network,
    NetworkSpec,
    ResidualBlock,
    downsample,
    smoothing,
    upsample,
)
from lucidsonic.generators.r3gan.official import write_official
from lucidsonic.types import NetworkRecord
from lucidsonic.zoo.convert import network_record
from lucidsonic.zoo.pickles import read_pickle_records
from tests.unit.generators.golden_networks import (
    R3GAN_NETWORKS,
    TOLERANCE,
    AppleTensor,
    controls,
    deviation,
    load,
    network_facts,
    reference,
    stored_tensors,
)

SMALL = NetworkSpec(widths=(16, 16, 8), groups=(2, 2, 1), blocks=(1, 2, 1), z_dim=8)


def official(name: str) -> NetworkRecord:
    tensors = {official_name(ours): tensor for ours, tensor in stored_tensors(name).items()}
    tensors["Model.MainLayers.1.Layers.0.Resampler.Kernel"] = smoothing()
    return NetworkRecord(
        kind="module",
        class_path="training.networks_baseline.Generator",
        args=(),
        kwargs={},
        tensors=tensors,
        attributes={},
    )


@pytest.mark.golden
@pytest.mark.parametrize("name", R3GAN_NETWORKS)
def test_pictures_are_those_of_the_original(name: str) -> None:
    theirs = reference(name)
    assert deviation(load(name)(theirs["z"], theirs["c"]), theirs["img"]) < TOLERANCE


@pytest.mark.parametrize("name", R3GAN_NETWORKS)
def test_an_official_file_becomes_the_same_network(name: str) -> None:
    record = official(name)
    assert r3gan.recognise(record)
    options, state = r3gan.convert(record)
    family, wanted = network_facts(name)
    assert family == "r3gan"
    assert r3gan.Options(**options) == r3gan.Options.model_validate(wanted)
    assert set(state) == set(stored_tensors(name))


@pytest.mark.parametrize(
    ("official_tensor", "value"),
    [
        ("Model.AggregationLayer.Layer.weight", None),
        ("Model.MainLayers.1.Layers.1.NonLinearity1.Bias", torch.zeros(5)),
        ("Model.MainLayers.1.Layers.1.Surprise", torch.zeros(5)),
        ("Model.MainLayers.1.Layers.0.Resampler.Kernel", torch.eye(4)),
        ("Model.MainLayers.0.Layers.1.LinearLayer2.Layer.weight", None),
    ],
)
def test_a_tensor_that_does_not_fit_is_an_error(official_tensor: str, value) -> None:
    record = official("r3gan_64")
    changed = {**record.tensors, official_tensor: value}
    with pytest.raises(WeightsError, match="'"):
        r3gan.convert(
            replace(record, tensors={k: v for k, v in changed.items() if v is not None})
        )


def test_an_unconditional_network_ignores_the_condition() -> None:
    generator, theirs = load("r3gan_64"), reference("r3gan_64")
    without = generator(theirs["z"])
    assert torch.equal(without, generator(theirs["z"], torch.zeros(len(theirs["z"]), 0)))


def test_what_does_not_fit_is_refused_in_a_sentence() -> None:
    generator, theirs = load("r3gan_cond_32"), reference("r3gan_cond_32")
    with pytest.raises(
        ConfigError, match=r"^z is \(\d+, 5\); this network wants \(batch, 32\)"
    ):
        generator(theirs["z"][:, :5], theirs["c"])
    with pytest.raises(ConfigError, match=r"^c is "):
        generator(theirs["z"], theirs["c"][:, 1:])


def test_soft_class_mixes_lie_between_the_classes() -> None:
    generator = load("r3gan_cond_32")
    pure = generator.render(controls(generator, 1, condition=[[1, 0, 0, 0, 0, 0]]))
    mixed = generator.render(controls(generator, 1, condition=[[0.5, 0.5, 0, 0, 0, 0]]))
    other = generator.render(controls(generator, 1, condition=[[0, 1, 0, 0, 0, 0]]))
    whole = (pure - other).abs().mean()
    assert (pure - mixed).abs().mean() < whole
    assert (other - mixed).abs().mean() < whole


def test_valence_and_arousal_are_brought_to_the_scale_of_training() -> None:
    spec = {"widths": (8, 8), "groups": (1, 1), "blocks": (1, 1), "c_dim": 2, "z_dim": 4}
    options = r3gan.Options.model_validate(
        {**spec, "condition": "va", "va_mean": (0.5, -0.5), "va_std": (0.5, 0.25)}
    )
    generator = r3gan.R3GAN(Network(options.spec()), options)
    assert generator.capabilities.condition == "va"
    scaled = generator.own_scale(np.array([[1.0, -0.25]], dtype=np.float32))
    assert scaled is not None
    assert torch.allclose(scaled, torch.tensor([[1.0, 1.0]]))


def test_a_picture_does_not_depend_on_its_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = load("r3gan_cond_32")
    film = controls(generator, 3, truncation=[0.8, 1.0, 1.1])
    together = generator.render(film)
    monkeypatch.setattr("lucidsonic.generators.r3gan.network.LARGE", 1 << 13)
    assert torch.allclose(together, generator.render(film), atol=1e-5)
    alone = generator.render(controls(generator, 1, truncation=[1.0]))
    assert torch.allclose(together[1:2], alone, atol=1e-5)


def test_directions_are_found_on_a_device_without_float64() -> None:
    generator = load("r3gan_64")
    ways = generator.directions(4, seed=5)
    linear = generator.network.stages[0].head.linear
    linear.weight = torch.nn.Parameter(linear.weight.as_subclass(AppleTensor), False)
    assert np.array_equal(generator.directions(4, seed=5), ways)


def test_a_picture_too_bright_for_half_precision_is_seen_to_be_so() -> None:
    generator = load("r3gan_64")
    last = generator.network.to_image.weight
    last.copy_(6e4 * last.sign())  # half precision ends at 65504
    film = controls(generator, 1)
    assert torch.isfinite(generator.render(film)).all()
    assert not torch.isfinite(generator.render(film, dtype=torch.float16)).all()


@pytest.mark.parametrize("group", [0, 1, 2])
def test_every_gain_group_bends_the_picture(group: int) -> None:
    generator = load("r3gan_64")
    gains = np.ones((1, 3))
    gains[0, group] = 1.5
    plain = generator.render(controls(generator, 1))
    assert (generator.render(controls(generator, 1, gains=gains)) - plain).abs().mean() > 1e-3


def test_directions_are_one_length_and_follow_their_seed() -> None:
    generator = load("r3gan_64")
    ways = generator.directions(40, seed=1)
    assert np.allclose(np.linalg.norm(ways, axis=1), 0.35 * generator.z_dim**0.5, rtol=1e-5)
    assert not np.array_equal(ways, generator.directions(40, seed=2))


def test_wide_pictures_come_out_of_a_wider_first_map() -> None:
    generator = load("r3gan_64", aspect=16 / 9)
    assert generator.capabilities.size == (64, 112)
    assert generator.render(controls(generator, 1)).shape == (1, 3, 64, 112)


def test_low_precision_stays_where_the_authors_use_it() -> None:
    network = Network(SMALL)
    assert network.stage_dtypes(torch.bfloat16) == [torch.float32] + [torch.bfloat16] * 2
    theirs = reference("r3gan_64")
    generator = load("r3gan_64")
    assert isinstance(generator, r3gan.R3GAN)
    low = generator.network(theirs["z"], dtypes=torch.bfloat16)
    assert low.dtype == torch.float32
    assert (low - theirs["img"]).abs().max() < 0.03


COUNTS = [
    # widths, z, c, groups divisor, blocks, G and D in parameters: specified in millions
    ((768,) * 4, 10, 8, 2, 20.78, 21.28),
    ((768, 768, 768, 768, 384), 0, 8, 2, 22.43, 22.38),
    ((768, 768, 768, 768, 384, 192, 96), 0, 8, 2, 23.06, 23.01),
    ((1536,) * 4, 1000, 16, 2, 82.91, 86.55),
    ((1536,) * 5, 1000, 16, 2, 103.57, 107.21),
    ((384, 384, 384, 384, 192, 96), 0, 8, 2, 6.28, 6.25),
    ((256, 256, 256, 128, 128, 64), 0, 8, 1, 1.31, 1.30),
    ((128, 128, 96, 64, 32), 0, 8, 1, 0.35, 0.34),
    ((32, 32, 16, 16), 0, 8, 1, 0.041, 0.039),
]


@pytest.mark.parametrize(("widths", "c", "divisor", "blocks", "g", "d"), COUNTS)
def test_parameter_counts_are_the_published_ones(widths, c, divisor, blocks, g, d) -> None:
    spec = NetworkSpec(
        widths=widths,
        c_dim=c,
        groups=tuple(width // divisor for width in widths),
        blocks=(blocks,) * len(widths),
    )
    with torch.device("meta"):
        both = Network(spec), Discriminator(spec)
    for network, millions in zip(both, (g, d), strict=True):
        count = sum(p.numel() for p in network.parameters()) / 1e6
        assert abs(count - millions) <= (0.005 if millions > 0.1 else 0.0005)


def test_the_ffhq_256_network_has_its_published_size_to_the_unit() -> None:
    widths = (768, 768, 768, 768, 384, 192, 96)
    with torch.device("meta"):
        network = Network(
            NetworkSpec(widths=widths, groups=tuple(w // 8 for w in widths), blocks=(2,) * 7)
        )
    assert sum(p.numel() for p in network.parameters()) == 23_057_952


def test_every_residual_block_starts_as_the_identity() -> None:
    x = torch.randn(2, 16, 5, 5)
    assert torch.equal(ResidualBlock(SMALL, 0)(x), x)


def test_resampling_keeps_constants_away_from_the_border() -> None:
    grey = torch.ones(1, 4, 8, 8)
    assert torch.allclose(upsample(grey, smoothing())[..., 2:-2, 2:-2], torch.tensor(1.0))
    assert torch.allclose(downsample(grey, smoothing())[..., 1:-1, 1:-1], torch.tensor(1.0))


def test_the_discriminator_gives_one_figure_a_picture() -> None:
    assert Discriminator(SMALL)(torch.randn(3, 3, 16, 16)).shape == (3,)
    conditional = Discriminator(replace(SMALL, c_dim=4))
    assert conditional(torch.randn(3, 3, 16, 16), torch.eye(4)[:3]).shape == (3,)


def test_options_whose_stages_disagree_are_refused() -> None:
    with pytest.raises(ConfigError, match="stages"):
        build_generator("r3gan", None, {"widths": [8, 8], "groups": [1], "blocks": [1, 1]})
    with pytest.raises(ConfigError, match="split"):
        build_generator("r3gan", None, {"widths": [9], "groups": [4], "blocks": [1]})


@pytest.mark.parametrize("family", ["r3gan", "stylegan2", "stylegan3"])
def test_no_network_paints_without_weights(family: str) -> None:
    name = {"r3gan": "r3gan_64", "stylegan2": "stylegan2_ada_cond_32"}.get(
        family, "stylegan3_t_32"
    )
    with pytest.raises(WeightsError, match="without weights"):
        build_generator(family, None, network_facts(name)[1])


@pytest.mark.parametrize("name", R3GAN_NETWORKS)
def test_a_file_for_the_authors_tools_reads_back_as_the_same_network(
    name: str, tmp_path: Path
) -> None:
    _, options = network_facts(name)
    checked = r3gan.Options.model_validate(options)
    write_official(tmp_path / "x.pkl", checked.spec(), stored_tensors(name))
    record = network_record(read_pickle_records(tmp_path / "x.pkl"))
    assert record.class_path == "training.networks.Generator"
    found, state = r3gan.convert(record)
    assert r3gan.Options(**found) == checked
    assert all(torch.equal(state[key], value) for key, value in stored_tensors(name).items())
    assert not [module for module in sys.modules if module.split(".")[0] == "R3GAN"]
    assert [path.name for path in tmp_path.iterdir()] == ["x.pkl"]


def test_the_file_has_the_modules_and_attributes_that_the_authors_read(tmp_path: Path) -> None:
    _, options = network_facts("r3gan_cond_32")
    spec = r3gan.Options.model_validate(options).spec()
    write_official(tmp_path / "x.pkl", spec, stored_tensors("r3gan_cond_32"))
    record = network_record(read_pickle_records(tmp_path / "x.pkl"))
    said = record.attributes
    assert (said["z_dim"], said["c_dim"], said["img_resolution"]) == (32, 6, 32)
    assert said["Model.MainLayers.0.DataType"] == "torch.float32"
    assert said["Model.MainLayers.3.DataType"] == "torch.bfloat16"
    mixing = "Model.MainLayers.0.Layers.1.LinearLayer2.Layer."
    assert (said[mixing + "groups"], said[mixing + "padding"]) == (6, [1, 1])
