# `make demo` and `make test` do everything from a fresh clone; both need only Python 3.11+, make and git.
SHELL := /bin/bash
BIN := .venv/bin
export PYTHON
# mkdocs-material warns of a MkDocs 2 that is not pinned here
export NO_MKDOCS_2_WARNING := 1
# the tests start thousands of processes; with this set, each would compile its modules anew
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.PHONY: help demo test lint types arch format check docs docs-serve docs-commands bench killloop killloop-slurm constraints environment environment-test clean

help:  ## Show what can be made
	@grep -E '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: environment  ## Generate event files, run a template over them, show the result
	@.ci/demo

# tests wait for processes more than they compute, so there are more of them at once than cores
WORKERS ?= 4

test: environment-test  ## Run the tests (ARGS="-k words" chooses)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

lint: environment-test  ## Check style and format with ruff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: environment-test  ## Bring the code into format
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

types: environment-test  ## Check the types with mypy --strict
	@$(BIN)/mypy --strict

arch: environment-test  ## Check that no room imports one above it
	@$(BIN)/lint-imports

check:  ## Everything that must hold before a change is taken
	@.ci/run

docs: environment-test  ## Build the documentation into build/docs; broken links and unlisted pages fail
	@$(BIN)/mkdocs build --config-file .ci/site/mkdocs.yml

docs-serve: environment-test  ## Show the documentation at http://127.0.0.1:8000, built anew at each change
	@$(BIN)/mkdocs serve --config-file .ci/site/mkdocs.yml --watch docs

docs-commands: environment-test  ## Write the pages that the code tells: commands, states, errors
	@$(BIN)/python docs/generate.py

bench: environment-test  ## Run the benchmarks (minutes)
	@for script in $(filter-out benchmarks/measuring.py benchmarks/checksums.py benchmarks/rival_%,$(wildcard benchmarks/*.py)); do \
	    echo "== $$script"; $(BIN)/python "$$script" $(ARGS) || exit 1; done

killloop: environment-test  ## Kill the engine and its workers again and again, and compare the outputs
	@$(BIN)/python -m pytest -m "killloop and not slurm" $(ARGS)

killloop-slurm: environment-test  ## Kill engines, nodes and daemons of a real Slurm again and again, and compare the outputs
	@$(BIN)/python -m pytest -m "killloop and slurm" $(ARGS)

constraints: environment-test  ## Bring constraints.txt to the newest versions (needs uv)
	@{ head -2 constraints.txt; uv pip compile pyproject.toml --all-extras --python-version 3.11 --upgrade \
	    --no-header --no-annotate --quiet; } > constraints.new && mv constraints.new constraints.txt

environment:
	@.ci/environment all

environment-test:
	@.ci/environment test

clean:  ## Remove the environment, the demo and all caches
	rm -rf .venv demo dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
