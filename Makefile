# One verb a chore. `make run` and `make test` do everything on a fresh machine.
PYTHON ?= python3
SECONDS ?= 60
SEED ?=
EXAMPLES ?= 100000
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help run test test-mcp faults fuzz soak check format clean

help:
	@echo "make run     start the server on 127.0.0.1:3030 (PORT=3031 make run for another port)"
	@echo "make test    run the tests"
	@echo "make test-mcp  the tests of /mcp with the official clients; installs those in .cache/mcp (once)"
	@echo "make faults  the thirty faults of docs/promises.md alone, with a thousand streams where that takes long"
	@echo "make fuzz    100,000 random requests, rows and answers (EXAMPLES=20000 SEED=7): some minutes"
	@echo "make soak    random faults and readers for a while (SECONDS=60 SEED=7)"
	@echo "make check   lint, types, layers"
	@echo "make format  put the code in its usual form"
	@echo "make clean   remove what the other verbs made"

$(VENV)/run.stamp: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "poslogs needs Python 3.11 or newer; name one: make run PYTHON=python3.12"; exit 1; }
	@echo "Installing what poslogs needs into $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.txt
	@echo "Installing what the tests need into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

run: $(VENV)/run.stamp
	@exec $(BIN)/gunicorn wsgi:app

test: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest

test-mcp: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.mcp.install || [ "$$CI" != true ]
	@$(BIN)/python -m pytest tests/mcp -n 2

faults: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest tests/faults -m 'long or not long'

fuzz: $(VENV)/dev.stamp
	@seed=$${SEED:-$$($(BIN)/python -c 'import random; print(random.randrange(10**6))')}; \
	  echo "$(EXAMPLES) examples, seed $$seed"; FUZZ_EXAMPLES=$(EXAMPLES) \
	  $(BIN)/python -m pytest tests/fuzz -n 2 --dist worksteal --timeout 3600 --durations 12 --hypothesis-seed $$seed

soak: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.soak --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

check: $(VENV)/dev.stamp
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/dev.stamp
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
