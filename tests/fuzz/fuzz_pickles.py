"""Coverage-guided fuzzing of the pickle reader; not part of the test suite.

Run as `python tests/fuzz/fuzz_pickles.py CORPUS_FOLDER -max_total_time=600` after
`pip install atheris`. Any error but a refusal, more than 20 s or more than 2 GB is a crash.
"""

import sys
import tempfile
from pathlib import Path

import atheris  # pyright: ignore[reportMissingImports]
import numpy as np
import torch

sys.path[:0] = [
    str(Path(__file__).parents[2]),
    str(Path(__file__).parents[1] / "unit" / "zoo"),
]
LIMITS = ["-max_len=16384", "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"]

with atheris.instrument_imports(include=["lucidsonic.zoo", "lucidsonic.errors"]):
    from hostile_numbers import hostile_files  # pyright: ignore[reportMissingImports]

    from lucidsonic.errors import WeightsError
    from lucidsonic.zoo.convert import inspect_pickle, network_record
    from lucidsonic.zoo.pickles import read_pickle_records

FILE = Path(tempfile.mkdtemp()) / "network.pkl"
OPCODES = [
    bytes([code])
    for code in b"NKJMX(tu}]se\x85\x86\x87R\x81b\x88\x89\x8aQhq\x94BC\x93c\x8c\x8f\x90."
]


def try_one(data: bytes) -> None:
    """Read a mutated file: it is read, or refused in a sentence."""
    FILE.write_bytes(data)
    try:
        inspect_pickle(FILE)
        network_record(read_pickle_records(FILE))
    except WeightsError as error:
        sentence = str(error)
        if "\n" in sentence or not sentence.isprintable():
            raise ValueError(f"not one sentence: {sentence!r}") from error


def write_seeds(folder: Path) -> Path:
    """The hostile files and an honest one, as far as they are small; opcodes as words."""
    from hostile import network, tensor  # pyright: ignore[reportMissingImports]

    folder.mkdir(parents=True, exist_ok=True)
    seeds = {
        **hostile_files(folder / "canary"),
        "honest": network(tensor()),
        "none": network(tensor(size=(0,))),
    }
    for number, data in enumerate(seeds.values()):
        if len(data) <= 16384:
            (folder / f"seed-{number}").write_bytes(data)
    words = folder.parent / "opcodes.dict"
    words.write_text("\n".join('"' + "".join(f"\\x{b:02x}" for b in w) + '"' for w in OPCODES))
    return words


def main() -> None:
    """Fuzz until told to stop."""
    corpus, *options = sys.argv[1:]
    words = write_seeds(Path(corpus))
    torch.from_numpy(np.zeros(1))
    atheris.Setup([sys.argv[0], corpus, f"-dict={words}", *LIMITS, *options], try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
