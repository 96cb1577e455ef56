# autional: `make help` lists the targets. Two of them are all a newcomer needs: `make up` and `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(firstword $(foreach p,python3.13 python3.12 python3.11 python3,$(if $(shell $(p) -c 'import sys; print(1 if (3, 11) <= sys.version_info < (3, 14) else "")' 2>/dev/null),$(p))))
BIN := .venv/bin
STAMP := .venv/.installed

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "autional needs Python 3.11, 3.12 or 3.13 on PATH: install one, then run this again" >&2; exit 2; }
	@echo "Creating .venv with $$($(PYTHON) --version); about a minute, once"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $(STAMP)

.PHONY: up
up: $(STAMP)  ## create the environment if needed, start the platform, print what to try
	@$(BIN)/autional up

.PHONY: down
down: $(STAMP)  ## drain and stop everything; data stays
	@$(BIN)/autional down

.PHONY: test
test: $(STAMP)  ## the test suite, on real servers of its own
	@AUTIONAL_TEST_PARENT=$$PPID $(BIN)/python -m pytest $(ARGS) -n auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder

.PHONY: check
check: $(STAMP)  ## lint, formatting, strict types, and the rules of autional check that need no platform
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/autional check --lane static --lane contract

.PHONY: bench
bench: $(STAMP)  ## measure; prints the figures and writes them as JSON to tests/bench/results/
	@$(BIN)/python -m tests.bench

.PHONY: contracts
contracts: $(STAMP)  ## generate services/contracts from the .proto files
	@$(BIN)/python -m services.contracts.generate

.PHONY: lock
lock: $(STAMP)  ## resolve requirements.lock anew
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --prerelease if-necessary-or-explicit --all-extras --no-emit-index-url --no-annotate pyproject.toml -o requirements.lock

.PHONY: clean
clean:  ## stop the platform, remove its data and the environment
	@test ! -x $(BIN)/autional || $(BIN)/autional down --volumes
	@rm -rf .venv .autional .mypy_cache .ruff_cache .pytest_cache

.PHONY: help
help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 14
