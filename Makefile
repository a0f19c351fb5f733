# The index of tasks. `make demo` and `make test` set up everything they need.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LAKE ?= build/demo-lake

.PHONY: help setup dev demo test check lint fix golden docs bench test-crash lab-proof fuzz ebpf lock clean

help: ## list the tasks
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.base ## make .venv with pinned dependencies
dev: $(VENV)/.dev

$(VENV)/.base: requirements/base.txt pyproject.toml tools/setup
	@PYTHON=$(PYTHON) sh tools/setup base

$(VENV)/.dev: requirements/dev.txt pyproject.toml tools/setup $(VENV)/.base
	@PYTHON=$(PYTHON) sh tools/setup dev

demo: setup ## the main job on the sample records: ingest, look, find
	@PATH="$(CURDIR)/$(BIN):$$PATH" LAKE=$(LAKE) sh tools/demo

test: dev ## everything: lint, types, all tests
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: dev ## lint, types and the quick tests
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

lint: dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: dev ## format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: dev ## rewrite golden outputs; then read the diff
	VPCFLOW_GOLDEN=rewrite $(BIN)/python -m pytest -q tests/query tests/test_docs.py

docs: setup ## print the reference pages from the registries
	$(BIN)/python docs/print_reference.py

bench: dev ## measure against peers; the table goes to bench/results
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	$(BIN)/python bench/run.py

test-crash: dev ## many more SIGKILLs than the suite has
	VPCFLOW_CRASH_KILLS=5000 VPCFLOW_RUN_KILLS=2000 $(BIN)/python -m pytest tests/lake/test_crash.py tests/deliver/test_crash.py tests/app/test_daemon_crash.py --timeout 7200

ebpf: ## compile the programs that count in the kernel (needs clang)
	sh tools/ebpf

lab-proof: dev ## a hundred thousand packets through the lab's kernel against the evaluator
	VPCFLOW_LAB_PAIRS=100000 $(BIN)/python -m pytest tests/lab/test_proof.py --timeout 3600

lock: ## pin dependencies again (needs uv)
	sh requirements/lock.sh

clean: ## remove what was built here
	rm -rf build dist $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis bench/data
