# `make run` and `make test` install what they need, so they work on a fresh machine.
PYTHON ?= python3
SECONDS ?= 60
SEED ?=
EXAMPLES ?= 100000
KIND ?=
DIRECT ?=
FLEET ?=
SEEDS ?= 0:3000
ONLY ?=
REPEAT ?=
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
BUILD := bench/build
HELPERS := $(addprefix $(BUILD)/,upstream sseload push)
PEERS := bench/build/peers

# requirements.lock has the hash of each file of each version, for any platform, so pip installs only what was locked.
.PHONY: help run fleet lock test test-slow test-long test-fleet test-mcp test-openapi test-page trace-page screenshots hosts faults fuzz schedule stalls soak bench bench-helpers bench-peers check format dist clean

help:
	@echo "make run     start the server on 127.0.0.1:3030 (PORT=3031 make run for another port)"
	@echo "make fleet   start a Redis, three servers and nginx in front of them, on demo data (PORT=3030)"
	@echo "make lock    write requirements.lock again after a change of requirements.txt"
	@echo "make test    run the tests, but those of the verbs below"
	@echo "make test-slow  run the tests that are slow by nature: storms, crowds, starts, other kinds of servers, hosts and clients; some minutes"
	@echo "make test-long  run what no other verb waits for: thousands of orders of events, 100,000 connections; an hour"
	@echo "make test-fleet  test several processes over one Redis: the promises of docs/fleet.md; needs redis-server and nginx"
	@echo "make test-mcp  test /mcp with the official clients, which it installs in .cache/mcp"
	@echo "make test-openapi  test clients generated from /openapi.json; it installs the generators in .cache/openapi"
	@echo "make test-page  test the page in Chromium, also with 100,000 entries, and some of it in Firefox (KIND=gthread DIRECT=off)"
	@echo "make trace-page  measure the page while 200 entries a second arrive (SECONDS=60)"
	@echo "make screenshots  take the pictures of the page in docs/ again"
	@echo "make hosts   test the hosts of docs/hosts.md, and the files in deploy/"
	@echo "make faults  test the faults of docs/promises.md, also with a thousand streams"
	@echo "make fuzz    send 100,000 random requests, rows and answers (EXAMPLES=20000 SEED=7): some minutes"
	@echo "make schedule  run the streaming core in 3000 random orders of events (SEEDS=0:500): some minutes"
	@echo "make stalls  run the tests while random processes of theirs stand still (ARGS='tests/wire -n 4' SEED=7)"
	@echo "make soak    run random readers and faults (SECONDS=60 SEED=7 KIND=gthread DIRECT=off); a fleet: FLEET=3"
	@echo "make bench   compare it with other servers, half an hour (ONLY=fanout,idle5k REPEAT=5 ARGS=--quick); see bench/README.md"
	@echo "make bench-peers  install the servers that make bench compares it with"
	@echo "make check   report formatting, lint, types and layers; JavaScript too if npm is installed"
	@echo "make format  repair formatting"
	@echo "make dist    build the wheel in dist/"
	@echo "make clean   remove everything that the other verbs made"

$(VENV)/run.stamp: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "poslogs needs Python 3.11 or newer; name one: make run PYTHON=python3.12"; exit 1; }
	@echo "Installing what poslogs needs into $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.txt
	@echo "Installing what the tests need into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(BUILD)/%: bench/%.c
	@command -v $(CC) >/dev/null || { echo "The bench needs a C compiler: apt-get install gcc libc6-dev"; exit 1; }
	@mkdir -p $(@D)
	@$(CC) -O2 -Wall -o $@ $< -ldl

$(PEERS)/npm.stamp: bench/peers/package.json
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "better-sse needs node and npm: apt-get install nodejs npm"; exit 1; }
	@echo "Installing better-sse into $(PEERS)/npm (once) ..."
	@mkdir -p $(PEERS)/npm
	@cp $< $(PEERS)/npm
	@npm install --prefix $(PEERS)/npm --silent --no-audit --no-fund
	@touch $@

$(PEERS)/venv.stamp: bench/peers/requirements.txt
	@echo "Installing sse-starlette into $(PEERS)/venv (once) ..."
	@$(PYTHON) -m venv $(PEERS)/venv
	@$(PEERS)/venv/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

run: $(VENV)/run.stamp
	@exec $(BIN)/gunicorn wsgi:app

fleet: $(VENV)/run.stamp
	@exec $(BIN)/python deploy/fleet/fleet.py

lock: $(VENV)/dev.stamp
	@$(BIN)/uv pip compile requirements.txt --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-config --upgrade --custom-compile-command "make lock" --output-file requirements.lock

test: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest

test-slow: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest tests/bench tests/clients tests/docs tests/faults tests/hosts tests/package tests/schedule tests/wire -m slow --timeout 600

test-long: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest tests/schedule tests/faults tests/fleet -n 2 -m long --timeout 3600

test-fleet: $(VENV)/dev.stamp
	@TEST_PORTS=8 $(BIN)/python -m pytest tests/fleet -n 4 -rs -m 'not long' --timeout 300

test-mcp: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.mcp.install || [ "$$CI" != true ]
	@TEST_PORTS=16 $(BIN)/python -m pytest tests/mcp -n 2

test-openapi: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.openapi.install || [ "$$CI" != true ]
	@TEST_PORTS=24 $(BIN)/python -m pytest tests/openapi -n 2

test-page: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.page.install || [ "$$CI" != true ]
	@$(if $(KIND),TEST_KIND=$(KIND)) $(if $(DIRECT),TEST_DIRECT=$(DIRECT)) $(BIN)/python -m pytest tests/page -n 4 -m 'long or not long'

trace-page: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.page.load --seconds $(SECONDS)

screenshots: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.page.screenshots

hosts: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest tests/hosts -rs -m 'not long' --timeout 600

faults: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest tests/faults -m 'long or not long'

fuzz: $(VENV)/dev.stamp
	@seed=$${SEED:-$$($(BIN)/python -c 'import random; print(random.randrange(10**6))')}; \
	  echo "$(EXAMPLES) examples, seed $$seed"; FUZZ_EXAMPLES=$(EXAMPLES) \
	  $(BIN)/python -m pytest tests/fuzz -n 2 --dist worksteal --timeout 3600 --durations 12 --hypothesis-seed $$seed

schedule: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.schedule --seeds $(SEEDS)

stalls: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.stalls $(if $(SEED),--seed $(SEED)) $(ARGS)

soak: $(VENV)/dev.stamp
	@[ -n "$(FLEET)" ] || $(BIN)/python -m tests.storm --seconds 15 $(if $(SEED),--seed $(SEED)) \
	  $(if $(KIND),--kind $(KIND)) $(if $(DIRECT),--direct $(DIRECT))
	@$(BIN)/python -m tests.soak --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) \
	  $(if $(KIND),--kind $(KIND)) $(if $(DIRECT),--direct $(DIRECT)) $(if $(FLEET),--fleet $(FLEET))

bench: $(VENV)/dev.stamp bench-helpers
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY)) $(if $(REPEAT),--repeat $(REPEAT)) $(ARGS)

bench-helpers: $(HELPERS)

bench-peers: $(PEERS)/venv.stamp
	@$(MAKE) --no-print-directory $(PEERS)/npm.stamp || true
	@echo "naive-flask needs nothing more. nginx with nchan comes from the system: apt-get install nginx libnginx-mod-nchan"

check: $(VENV)/dev.stamp
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.javascript.check

format: $(VENV)/dev.stamp
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

dist: $(VENV)/dev.stamp
	@rm -rf dist
	@$(BIN)/python -m hatchling build --target wheel

clean:
	rm -rf $(VENV) $(BUILD) dist .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
