# Capledger. Every target prepares .venv from the hashed development lock first (a moment when it is there).
PY := .venv/bin/python
BIN := .venv/bin
SOURCES := schemas infra services cli tests requirements/install.py
# The same order and the same examples each time: a red run is due to the change and can be repeated.
STEADY := -p no:randomly
TEST_FLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help env demo format lint types imports unit explore check strict test bench lock

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /\1\t/' | expand -t 10

env: # .venv with everything that tests and linters need
	@python=$$(command -v $(PY) || command -v python3) && $$python requirements/install.py dev

demo: ## the whole stack, the deals, and what they mean
	./capledger demo

format: env ## write the one format
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

lint: env ## format and lint rules, without writing
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

types: env ## mypy, strict
	$(BIN)/mypy

imports: env ## who may import whom
	$(BIN)/lint-imports --no-logo

unit: env ## tests that need no server
	$(PY) -m pytest -q -n auto $(STEADY) tests/unit tests/tidy $(TEST_FLAGS)

explore: env ## the same tests in random order, with examples never tried before: run it now and then
	$(PY) -m pytest -q --hypothesis-profile=explore tests/unit tests/simulation $(TEST_FLAGS)

check: lint types imports unit ## format, lint, types, imports, unit and house rules: run before every commit

strict: env ## pyright, strict (slower than mypy, run in CI)
	$(BIN)/pyright

test: check strict ## everything, with real PostgreSQL and Kafka that the tests start themselves
	$(PY) -m pytest -q $(STEADY) --ignore=tests/unit --ignore=tests/tidy --ignore=tests/bench tests $(TEST_FLAGS)

bench: env ## measurements; prints a table
	$(PY) -m tests.bench

lock: ## resolve requirements/*.in again (needs uv)
	cd requirements && for name in runtime dev; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --no-emit-find-links $$name.in --output-file $$name.txt; done
