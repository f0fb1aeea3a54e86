# Two commands matter: `make play` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
BIN := .venv/bin
MUSIC ?=
SESSIONS ?=
ONLY ?=

.DEFAULT_GOAL := help
.PHONY: help setup play test unit check format bench screenshots clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup:  ## install everything that is needed to run
	@infra/scripts/setup run

play: setup  ## everything from nothing: make play [MUSIC=DIR]
	@music="$(MUSIC)"; exec $(BIN)/segue up --demo $${music:+"$${music/#\~/$$HOME}"}

test:  ## set up and pass all checks and tests
	@infra/scripts/setup dev
	@$(MAKE) --no-print-directory check
	@$(BIN)/python -m pytest

unit:  ## the tests that need neither services nor FFmpeg
	@infra/scripts/setup dev
	@$(BIN)/python -m pytest -n auto --dist loadfile tests/unit tests/test_architecture.py

check:  ## ruff, mypy --strict, the architecture test
	@infra/scripts/setup dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_architecture.py

format:  ## let ruff put the code in order
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench:  ## measure what the README states: make bench [MUSIC=DIR] [SESSIONS=FILE] [ONLY="index growth"]
	@infra/scripts/setup bench
	@$(BIN)/python -m tests.benchmarks $(if $(MUSIC),"$(MUSIC)") $(if $(SESSIONS),--sessions "$(SESSIONS)") $(if $(ONLY),--only $(ONLY))

screenshots:  ## make the pictures in the README anew: make screenshots [MUSIC=DIR]
	@infra/scripts/setup dev
	@$(BIN)/python -m tests.screenshots $(if $(MUSIC),--music "$(MUSIC)")

clean:  ## remove the virtual environment and caches; your library under SEGUE_HOME stays
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache
