# Every target works on a fresh clone with Python >= 3.11 and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SONG := samples/lanterns.ogg

.PHONY: demo test fmt lint check bench clean

demo: $(READY)  ## render the sample song to demo.mp4
	$(BIN)/lucidsonic render $(SONG) -o demo.mp4 --overwrite -q draft

test: $(READY)  ## the tests, under 10 minutes on two cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

fmt: $(READY)  ## format and fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright --level error
	$(BIN)/lint-imports

check: lint test  ## what CI runs

bench: $(READY)  ## how far from the limits this machine's films are, as ratios
	$(BIN)/lucidsonic bench

clean:
	rm -rf $(VENV)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group dev
	touch $(READY)
