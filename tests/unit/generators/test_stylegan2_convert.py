from dataclasses import replace

import pytest
import torch
from torch import Tensor

from lucidsonic.errors import WeightsError
from lucidsonic.generators import stylegan2, stylegan3
from lucidsonic.types import NetworkRecord
from tests.unit.generators.golden_networks import network_facts, stored_tensors

NAME = "stylegan2_ada_cond_32"
FILTER = "synthesis.resample_filter"


def official(name: str = NAME) -> NetworkRecord:
    """The record that the file of a golden network had, rebuilt from what was kept."""
    tensors = stored_tensors(name)
    kernel = tensors.pop(FILTER)
    for side in (4, 8, 16, 32):
        tensors[f"synthesis.b{side}.resample_filter"] = kernel
    return NetworkRecord(
        kind="persistence",
        class_path="Generator",
        args=(),
        kwargs={"mapping_kwargs": {"num_layers": 2}, "synthesis_kwargs": {"conv_clamp": 256}},
        tensors=tensors,
        attributes={"synthesis.b4.conv1.conv_clamp": 256, "mapping.fc0.bias_gain": 0.01},
    )


def with_tensors(record: NetworkRecord, **changes: Tensor | None) -> NetworkRecord:
    named = {name.replace("__", "."): value for name, value in changes.items()}
    tensors = {k: v for k, v in {**record.tensors, **named}.items() if v is not None}
    return replace(record, tensors=tensors)


def test_the_options_are_read_off_the_tensors() -> None:
    options, state = stylegan2.convert(official())
    _, wanted = network_facts(NAME)
    assert stylegan2.Options(**options) == stylegan2.Options.model_validate(wanted)
    assert all(
        torch.equal(state[name], tensor) for name, tensor in stored_tensors(NAME).items()
    )


def test_only_its_own_networks_are_recognised() -> None:
    assert stylegan2.recognise(official())
    assert not stylegan3.recognise(official())
    foreign = replace(official(), tensors=stored_tensors("stylegan3_t_32"))
    assert not stylegan2.recognise(foreign)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"mapping__fc1__bias": None}, "mapping.fc1.bias"),
        ({"synthesis__b8__conv0__bias": torch.zeros(3)}, "synthesis.b8.conv0.bias"),
        ({"synthesis__b8__extra": torch.zeros(1)}, "synthesis.b8.extra"),
        ({"synthesis__b4__conv1__weight": torch.zeros(2)}, "synthesis.b4.conv1.weight"),
        ({"synthesis__b4__resample_filter": torch.ones(3, 3)}, "resample_filter"),
        ({"synthesis__b4__conv1__bias": torch.zeros(32, dtype=torch.long)}, "conv1.bias"),
        ({"synthesis__b64__conv1__bias": torch.zeros(4), "synthesis__b32__torgb__bias": None},
         "b64"),
    ],
)  # fmt: skip
def test_a_tensor_that_does_not_fit_is_named(changes, named: str) -> None:
    with pytest.raises(WeightsError, match=named):
        stylegan2.convert(with_tensors(official(), **changes))


def test_what_shapes_cannot_show_is_read_off_the_arguments() -> None:
    told = replace(
        official(),
        attributes={},
        args=(48, 6, 56, 32, 3, {"lr_multiplier": 0.02, "activation": "relu"}),
        kwargs={"synthesis_kwargs": {"conv_clamp": None, "activation": "swish"}},
    )
    options, _ = stylegan2.convert(told)
    assert options["lr_multiplier"] == 0.02
    assert options["mapping_activation"] == "relu"
    assert options["clamp"] == 0
    assert options["activation"] == "swish"


def tensorflow_name(name: str) -> tuple[str, str]:
    """The old variable's name and the layout it had, for a tensor of today."""
    for new, old in (("mapping.w_avg", "dlatent_avg"), ("mapping.fc", "mapping.Dense"),
                     ("mapping.embed", "mapping.LabelEmbed")):  # fmt: skip
        name = name.replace(new, old)
    if "Dense" in name or "Label" in name:
        return name, "dense" if name.endswith("weight") else "same"
    if not name.startswith("synthesis.b"):
        return name, "same"
    _, block, *rest = name.split(".")
    side = int(block[1:])
    layer, part = rest[0], ".".join(rest[1:])
    if layer == "const":
        return f"synthesis.{side}x{side}.Const.const", "const"
    if part == "noise_const":
        index = 2 * (side.bit_length() - 3) + int(layer[-1]) - 1
        return f"synthesis.noise{index}", "noise"
    conv1 = "Conv" if side == 4 else "Conv1"
    old = {"conv0": "Conv0_up", "conv1": conv1, "torgb": "ToRGB"}[layer]
    parts = {"affine.weight": "mod_weight", "affine.bias": "mod_bias"}
    kinds = {
        "affine.weight": "dense",
        "affine.bias": "minus",
        "weight": "turned" if layer == "conv0" else "conv",
    }
    return f"synthesis.{side}x{side}.{old}.{parts.get(part, part)}", kinds.get(part, "same")


LAYOUTS = {
    "same": lambda x: x,
    "dense": lambda x: x.t(),
    "const": lambda x: x[None],
    "noise": lambda x: x[None, None],
    "minus": lambda x: x - 1,
    "conv": lambda x: x.permute(2, 3, 1, 0),
    "turned": lambda x: x.permute(2, 3, 1, 0).flip([0, 1]),
}


def tensorflow_record(spell) -> NetworkRecord:
    tensors: dict[str, Tensor] = {"lod": torch.zeros([])}
    for name, tensor in stored_tensors(NAME).items():
        if name != FILTER:
            old, layout = tensorflow_name(name)
            tensors[spell(old)] = LAYOUTS[layout](tensor)
    return NetworkRecord(
        kind="tf",
        class_path="G_main",
        args=(),
        kwargs={"resolution": 32, "conv_clamp": 256, "mapping_lrmul": 0.01},
        tensors=tensors,
        attributes={"mapping.static_kwargs": {"mapping_nonlinearity": "lrelu"}},
    )


@pytest.mark.parametrize(
    "spell",
    [
        lambda name: name,
        lambda name: "G_" + name.replace(".", "/") if "." in name else name,
        lambda name: name.replace("mapping.", "mapping.G_mapping/"),
    ],
)
def test_a_tensorflow_network_becomes_the_same_network(spell) -> None:
    record = tensorflow_record(spell)
    assert stylegan2.recognise(record)
    options, state = stylegan2.convert(record)
    _, wanted = network_facts(NAME)
    assert stylegan2.Options(**options) == stylegan2.Options.model_validate(wanted)
    for name, tensor in stored_tensors(NAME).items():
        assert torch.allclose(state[name], tensor, atol=1e-6), name


def test_a_tensorflow_variable_without_a_place_is_named() -> None:
    record = tensorflow_record(lambda name: name)
    odd = {**record.tensors, "mapping.LabelConcat.weight": torch.zeros(2, 2)}
    with pytest.raises(WeightsError, match="LabelConcat"):
        stylegan2.convert(replace(record, tensors=odd))


def test_the_first_stylegan_is_not_taken_for_the_second() -> None:
    record = tensorflow_record(lambda name: name)
    old = {k: v for k, v in record.tensors.items() if "mod_weight" not in k}
    assert not stylegan2.recognise(replace(record, tensors=old))
