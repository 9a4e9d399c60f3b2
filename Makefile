# make demo: build and verify a corpus from the bundled sample. make test: lint, types, tests, audit.
# TORCH_INDEX=https://download.pytorch.org/whl/cpu spares machines without a GPU the CUDA build.

SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo
# One more than there are cores: many tests wait for processes that they have started.
PROCESSES ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
TORCH_INDEX ?=
# pip leaves bytecode to the first import, for most modules are never imported. Where the environment
# forbids to write it, each process compiles Beam and torch anew: 16 s of processor time, not 6.
export PYTHONDONTWRITEBYTECODE :=
PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& { echo "$$p"; break; }; done)

.PHONY: demo test lint types kernels tests audit install clean

demo: install
	$(BIN)/skypile build skypile/sample --output $(DEMO)/corpus --overwrite
	$(BIN)/skypile verify $(DEMO)/corpus

# Compiling the kernels once, beside mypy, spares each process of the tests doing it for itself.
test: lint
	$(MAKE) --jobs 3 types kernels audit
	$(MAKE) tests

kernels: install
	$(BIN)/skypile compile

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: install
	$(BIN)/mypy

# Known vulnerabilities of what constraints.txt pins; goes on, and says so, where PyPI is out of reach.
audit: install
	$(BIN)/python .ci/audit.py

tests: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -W error --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

install: $(VENV)/installed

$(VENV)/installed: constraints.txt setup.cfg pyproject.toml
	@test -n "$(PYTHON)" || { echo "SkyPile needs Python 3.11, 3.12 or 3.13: install the package python3 of your distribution (Debian, Ubuntu: apt-get install python3 python3-venv)" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { echo "Python cannot make a virtual environment: install the package python3-venv (Debian, Ubuntu: apt-get install python3-venv)" >&2; rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) $(DEMO)
