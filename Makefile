# Every command does its own set-up: the virtual environment is made anew when a lock file changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
DEV_STAMP := $(VENV)/.ready-dev

.PHONY: demo setup check test fmt gen bench lock clean

## Start the server with a synthetic fleet, and print what to try next
demo: $(STAMP)
	@$(BIN)/backbone demo

## Virtual environment with everything a developer needs
setup: $(DEV_STAMP)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP): requirements.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@# What queries and requests run is compiled now rather than when the first one waits for it.
	$(BIN)/python -m backbone.query.promql.warm
	$(BIN)/python -m backbone.query.traceql.warm
	$(BIN)/python -m backbone.receive.kernels.warm
	@touch $@

$(DEV_STAMP): requirements-dev.txt $(STAMP)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

## Format, lint, types, import contract, sizes
check: $(DEV_STAMP)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tools/sizes.py
	$(BIN)/python tools/gen.py --check

## Write the generated references anew from the code
gen: $(DEV_STAMP)
	$(BIN)/python tools/gen.py

fmt: $(DEV_STAMP)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

test: $(DEV_STAMP)
	@# In the order of tests/conftest.py: the files that take longest first. One process more than there are cores, since
	@# a quarter of the time a test waits for disks and servers.
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

## Figures per CPU-second beside peers; PARTS="spans logs …" chooses
bench: $(DEV_STAMP)
	$(BIN)/python -m bench $(PARTS)

## Write the lock files anew from pyproject.toml
lock: $(DEV_STAMP)
	$(BIN)/python tools/lock.py

clean:
	rm -rf $(VENV) backbone-data
	find src -name '*.nb[ic]' -delete
