import hashlib
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import hostile
import numpy as np
import pickled
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lucidsonic.errors import WeightsError
from lucidsonic.zoo import inspect_pickle, network_record, read_pickle_records
from lucidsonic.zoo.convert import networks_in
from lucidsonic.zoo.records import children

FIXTURES = Path(__file__).parents[2] / "fixtures"
PICKLES = sorted(FIXTURES.glob("*.pkl"))
DTYPES = [
    *(torch.float32, torch.float16, torch.bfloat16, torch.float64),
    *(torch.int32, torch.int64, torch.uint8, torch.bool),
]


def read(tmp_path: Path, value: Any, *, protocol: int = 4, key: str | None = None) -> Any:
    file = tmp_path / "network.pkl"
    file.write_bytes(pickled.written(value, protocol))
    return network_record(read_pickle_records(file), key)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_tensors_of_every_kind_come_out_as_they_went_in(
    tmp_path: Path, dtype: torch.dtype, protocol: int
) -> None:
    tensor = (torch.randn(3, 5, generator=torch.Generator().manual_seed(1)) * 3).to(dtype)
    record = read(tmp_path, {"G_ema": pickled.module_of(weight=tensor)}, protocol=protocol)
    assert record.tensors["weight"].dtype == dtype
    assert torch.equal(record.tensors["weight"], tensor)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(24.0).view(2, 3, 4).permute(2, 0, 1),
        torch.arange(24.0)[5:17:3],
        torch.tensor(3.5),
        torch.zeros(0, 4),
        torch.arange(16.0).view(4, 4)[1:, 1:],
    ],
    ids=["permuted", "every third", "a scalar", "empty", "a corner"],
)
def test_views_come_out_as_plain_tensors_of_the_same_numbers(
    tmp_path: Path, tensor: torch.Tensor
) -> None:
    found = read(tmp_path, {"G_ema": pickled.module_of(w=tensor)}).tensors["w"]
    assert torch.equal(found, tensor)
    assert found.is_contiguous()


def test_a_persistent_network_comes_with_names_arguments_and_attributes(tmp_path: Path) -> None:
    record = read(tmp_path, {"G": None, "G_ema": pickled.persistent_of(w=torch.ones(2))})
    assert (record.kind, record.class_path) == ("persistence", "Generator")
    assert list(record.tensors) == ["synthesis.w"]
    assert record.kwargs == {"z_dim": 4, "mapping_kwargs": {"num_layers": 2}}
    assert record.attributes == {"z_dim": 4, "synthesis.num_ws": 7}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_tensorflow_tuple_is_read_without_tensorflow(tmp_path: Path, protocol: int) -> None:
    weight = np.arange(6, dtype=np.float32).reshape(2, 3)
    three = pickled.tensorflow_of(**{"4x4/Const/const": weight})
    record = read(tmp_path, three, protocol=protocol)
    assert (record.kind, record.class_path) == ("tf", "G_main")
    assert record.kwargs == {"resolution": 32, "num_channels": 3}
    assert sorted(record.tensors) == ["dlatent_avg", "synthesis.4x4.Const.const"]
    assert record.tensors["synthesis.4x4.Const.const"].tolist() == weight.tolist()
    assert record.attributes["synthesis.static_kwargs"] == {"fmap_base": 8}


@given(
    arrays.arrays(
        st.sampled_from(["<f4", ">f4", "<f8", "<i4", "|u1", "<i8"]),
        arrays.array_shapes(min_dims=1, max_dims=3, max_side=4),
    ),
    st.booleans(),
    st.integers(2, 5),
)
def test_any_array_of_numbers_comes_out_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory, array: Any, fortran: bool, protocol: int
) -> None:
    array = np.asfortranarray(array) if fortran else array
    three = pickled.tensorflow_of(x=array)
    record = read(tmp_path_factory.mktemp("a"), three, protocol=protocol)
    np.testing.assert_array_equal(record.tensors["synthesis.x"].numpy(), array)


def test_the_embedded_source_is_kept_as_a_length_and_a_digest_only(tmp_path: Path) -> None:
    file = tmp_path / "network.pkl"
    file.write_bytes(pickled.written({"G_ema": pickled.persistent_of(w=torch.ones(2))}))
    tree = read_pickle_records(file)
    record = networks_in(tree)["G_ema"]
    assert record.source_bytes == len(pickled.SOURCE)
    assert record.source_sha256 == hashlib.sha256(pickled.SOURCE.encode()).hexdigest()
    assert not any("os._exit" in text for text in texts(tree.root))


def texts(value: Any) -> list[str]:
    here = [value] if isinstance(value, str) else []
    keys = [key for key in value if isinstance(key, str)] if isinstance(value, dict) else []
    return here + keys + [text for child in children(value) for text in texts(child)]


@pytest.mark.parametrize("file", PICKLES, ids=lambda path: path.stem)
def test_files_of_the_original_tools_are_read_whole(file: Path) -> None:
    report = inspect_pickle(file)
    assert [network.key for network in report.networks if network.key.startswith("G")] == [
        "G",
        "G_ema",
    ]
    record = network_record(read_pickle_records(file))
    summary = next(network for network in report.networks if network.key == "G_ema")
    assert [(t.name, t.shape) for t in summary.tensors] == [
        (name, tuple(tensor.shape)) for name, tensor in record.tensors.items()
    ]
    assert all(torch.isfinite(tensor.float()).all() for tensor in record.tensors.values())


def test_there_are_files_of_the_original_tools() -> None:
    assert len(PICKLES) == 3


def test_another_network_of_the_file_can_be_chosen(tmp_path: Path) -> None:
    value = {
        "G": pickled.module_of(w=torch.ones(1)),
        "G_ema": pickled.module_of(w=torch.zeros(1)),
    }
    assert read(tmp_path, value).tensors["w"].item() == 0
    assert read(tmp_path, value, key="G").tensors["w"].item() == 1
    with pytest.raises(WeightsError, match="no network called D") as caught:
        read(tmp_path, value, key="D")
    assert "G, G_ema" in caught.value.hint


def test_a_file_without_an_average_gives_its_generator(tmp_path: Path) -> None:
    record = read(tmp_path, {"G": pickled.module_of(w=torch.ones(1)), "G_ema": None})
    assert record.tensors["w"].item() == 1


def test_tensors_do_not_keep_the_file_open(tmp_path: Path) -> None:
    record = read(tmp_path, {"G_ema": pickled.module_of(w=torch.ones(4))})
    (tmp_path / "network.pkl").write_bytes(b"")
    record.tensors["w"].add_(1)
    assert record.tensors["w"].tolist() == [2, 2, 2, 2]


@given(st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    raw = bytearray(hostile.network(hostile.tensor()))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        piece = data.draw(st.binary(max_size=4))
        raw[at : at + data.draw(st.integers(0, 4))] = piece
    file = tmp_path_factory.mktemp("f") / "network.pkl"
    file.write_bytes(raw)
    with suppress(WeightsError):
        network_record(read_pickle_records(file))


@pytest.mark.slow
def test_a_pickle_of_300_mb_is_read_in_less_than_20_s(tmp_path: Path) -> None:
    tensors = {f"w{i}": torch.randn(512, 512, 3, 3) for i in range(11)}
    network = pickled.module_of(**tensors)
    file = tmp_path / "network.pkl"
    file.write_bytes(pickled.written({"G": network, "D": network, "G_ema": network}))
    started = time.monotonic()
    network_record(read_pickle_records(file))
    assert time.monotonic() - started < 20
