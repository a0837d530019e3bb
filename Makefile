# Every target does its own set-up: a virtual environment in .venv, with the versions of constraints.txt.
# `make PYTHON=/path/to/python3` chooses the interpreter; otherwise the first suitable one is taken.

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet

# The rule engine (cel-expr-python) has wheels for these versions of Python and no others.
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
SUITABLE := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))

# What is there already: the program alone, or the program with what its tests and linters need.
RUN := .venv/.run
DEV := .venv/.dev

# A node of a chain and compiled contracts, for tests alone.
NODE := tests/chain/node_modules/.fetched

# Tests wait for servers and processes about as long as they reckon: twice as many workers as cores, eight at most.
WORKERS := $(shell n=$$(( 2 * $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) )); echo $$(( n < 8 ? n : 8 )))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo install test soak lint docs bench clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(RUN) ## the main job against the bundled sandbox: no account, no key, no configuration
	@$(BIN)/approval-watch demo

install: $(RUN) ## leave the command at .venv/bin/approval-watch
	@echo "Installed: $(BIN)/approval-watch"

# Every worker reads all the tests: what one of them has compiled the others take.
test: $(DEV) $(NODE) ## run the tests
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --numprocesses $(WORKERS)

soak: $(DEV) $(NODE) ## run the slow sweeps
	@$(BIN)/pytest -m soak --timeout 1800

lint: $(DEV) ## check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: $(DEV) ## make the pages that are made from the code
	@$(BIN)/python -m reference

bench: $(DEV) $(NODE) ## measure; `make bench SIZE=--full` at the sizes of the goals
	@$(BIN)/python -m benchmarks $(SIZE)

clean: ## remove the environment, caches and builds
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find scanner tests benchmarks reference -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN): $(BIN)/python pyproject.toml constraints.txt
	@echo "Setting up .venv; this happens once and takes about a minute." >&2
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(DEV): $(BIN)/python pyproject.toml constraints.txt
	@echo "Setting up .venv with the development tools; this happens once and takes about a minute." >&2
	@$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $(RUN) $@

# Without npm or a network there is no node: the tests that need one are skipped, and say so.
$(NODE): tests/chain/package.json
	@if command -v npm >/dev/null && npm --prefix $(dir $<) install --silent >/dev/null; then touch $@; \
	else echo "There is no node of a chain for the tests: npm or its packages could not be reached." >&2; fi

# A prerequisite like any other, not an order-only one: a newer Python means a new set-up.
$(BIN)/python:
	@for python in $(PYTHONS); do \
	    if $$python -c '$(SUITABLE)' 2>/dev/null; then exec $$python -m venv --clear .venv; fi; \
	done; \
	echo "No Python 3.11 to 3.14 with its venv and ensurepip modules was found; tried: $(PYTHONS)." >&2; \
	echo "Install one (Debian: apt install python3 python3-venv; Fedora: dnf install python3)," >&2; \
	echo "or name one: make PYTHON=/path/to/python3" >&2; \
	exit 1
