# `make` alone lists the verbs. Needs Python 3.11 to 3.13, Java 17 or later and Maven; nothing is installed outside this folder.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
# Images and servers often set it: nothing compiled is kept then, and each of the hundreds of processes that the tests start
# reads its libraries as source, 6 s of a core instead of 2.7.
unexport PYTHONDONTWRITEBYTECODE

# The system's own Python where it will do: distributions build theirs with the compiler's profile, version managers mostly
# do not, and the same work takes a third longer there (docs/decisions/0024). Another one: make install PYTHON=python3.12
USABLE := import ensurepip, venv, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for one in /usr/bin/python3.1{3,2,1}; do $$one -c '$(USABLE)' 2>/dev/null && echo $$one && exit; done; echo python3)
BIN := .venv/bin
UV := .venv/.uv/bin/uv
INSTALLED := .venv/.installed
GREENLINE := $(BIN)/greenline
PYTEST := $(BIN)/python -m pytest

# Tests that start real servers and share them run one after another; the rest share the cores.
SERIAL := tests/integration tests/e2e tests/chaos
BROWSER := tests/browser

.PHONY: help
help: ## List the verbs
	@sed -nE 's/^([a-z][a-z0-9-]*):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r verb line; do printf '  %-18s %s\n' "$$verb" "$$line"; done

# ---- setting up

.PHONY: install
install: $(INSTALLED) ## Make .venv from requirements.lock, hashes checked (done only when something changed)

# uv lives beside the packages it manages: a sync removes what the lock does not name, itself included.
$(INSTALLED): requirements.lock pyproject.toml .ci/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Greenline needs Python 3.11 to 3.13, this is " + sys.version.split()[0] + ". Say: make install PYTHON=python3.11")'
	@echo "Installing into .venv"
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip .venv
	@test -x .venv/.uv/bin/pip || $(PYTHON) -m venv .venv/.uv
	@.venv/.uv/bin/pip install -q --disable-pip-version-check --require-hashes -r .ci/uv.txt
	@VIRTUAL_ENV=$(CURDIR)/.venv $(UV) pip sync -q --require-hashes requirements.lock
	@VIRTUAL_ENV=$(CURDIR)/.venv $(UV) pip install -q --no-deps -e .
	@touch $@

# ---- running

.PHONY: up
up: install ## Start Kafka, PostgreSQL and the four services in the background
	@$(GREENLINE) up --detach

.PHONY: down
down: install ## Stop them all; data stay in .greenline
	@$(GREENLINE) down

.PHONY: status
status: install ## What runs, and where
	@$(GREENLINE) status

.PHONY: logs
logs: install ## Follow a log: make logs NAME=scoring (or ingest, triggers, outreach, supervisor)
	@$(GREENLINE) logs $(or $(NAME),ingest) --follow

.PHONY: demo
demo: install ## A real shop's year in about a minute (DURATION=90 CUSTOMERS=500 EFFECT=0.2 HOLDOUT=0.1)
	@$(GREENLINE) sandbox demo

.PHONY: backtest
backtest: install ## Score a real shop's log at a cut-off and judge it by what came after (CUTOFF=1997-09-30 HORIZON=273)
	@$(GREENLINE) sandbox orders .greenline/backtest/orders.csv
	@$(GREENLINE) scoring backtest .greenline/backtest/orders.csv --out .greenline/backtest \
	  --cutoff $(or $(CUTOFF),1997-09-30) --horizon $(or $(HORIZON),273)

TRIAL := .greenline/dry-run
MINUTES ?= 15

# Half a gigabyte and two minutes: made again only when what they say may have changed.
$(TRIAL)/.made: services/scoring/scorecards/starter.yaml services/scoring/offline/frames.py $(wildcard services/scoring/domain/*.py) | install
	@rm -rf $(TRIAL)/frames
	@$(GREENLINE) sandbox orders $(TRIAL)/orders.csv
	@$(GREENLINE) scoring replay $(TRIAL)/orders.csv --from 1997-01-01 --to 1998-06-30 --out $(TRIAL)/frames
	@touch $@

.PHONY: dry-run
dry-run: install $(TRIAL)/.made ## Try rules on a real shop's past (RULES=my.yaml AGAINST=other.yaml MINUTES=15)
	@$(GREENLINE) triggers dry-run --frames $(TRIAL)/frames --out $(TRIAL) --minutes-per-task $(MINUTES) \
	  $(if $(RULES),--rules $(RULES)) $(if $(AGAINST),--against $(AGAINST))

.PHONY: topics
topics: install ## Create the topics that are missing
	@$(GREENLINE) topics

.PHONY: migrate
migrate: install ## Bring the tables of ingest and outreach up to date
	@$(GREENLINE) migrate

# ---- testing

.PHONY: test
test: test-unit test-integration test-e2e ## Every test but the browser's, on real Kafka and PostgreSQL

.PHONY: warm
warm: install ## Compile the scoring loops: about two minutes when their sources have changed, then a second
	@$(BIN)/python -m tests.fixtures.compiled

.PHONY: test-unit
test-unit: install ## Unit, property, contract and architecture tests: no server
	@$(PYTEST) tests $(addprefix --ignore=,$(SERIAL) $(BROWSER)) -q -n auto --dist loadfile

.PHONY: test-integration
test-integration: install ## Each adapter and the streaming core against the real servers
	@$(PYTEST) tests/integration -q -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: test-e2e
test-e2e: install ## The whole way: webhook in, message out, ledger balanced, also after kill -9
	@$(PYTEST) tests/e2e tests/chaos -q

.PHONY: chaos
chaos: install ## Long rounds of faults under load: kill -9, frozen workers, a broker that dies (SEED=7 ROUNDS=4 MUTANT=fence)
	@$(BIN)/python -m tests.chaos

FUZZED := $(wildcard tests/property/ingest/test_any_*.py)

.PHONY: fuzz
fuzz: install ## Odd deliveries, files of history, API objects and declared providers, new ones each round, one at least of each (SECONDS=300)
	@start=$$(date +%s); part=0; for file in $(FUZZED); do part=$$((part + 1)); \
	  until=$$((start + $(or $(SECONDS),300) * part / $(words $(FUZZED)))); \
	  while echo "$$file"; $(PYTEST) $$file -q || exit 1; [ $$(date +%s) -lt $$until ]; do :; done; done

.PHONY: test-browser
test-browser: install /usr/bin/chromium ## The console in Debian's Chromium
	@$(PYTEST) $(BROWSER) -q

/usr/bin/chromium:
	@command -v apt-get >/dev/null || { echo "Chromium is missing: install it as /usr/bin/chromium"; exit 1; }
	@$(if $(filter 0,$(shell id -u)),,sudo) apt-get update -q && $(if $(filter 0,$(shell id -u)),,sudo) apt-get install -y -q --no-install-recommends chromium

# ---- measuring

BENCH_VENV := .greenline/bench-venv

# Quix Streams wants other versions than the services: an environment of its own.
$(BENCH_VENV)/.installed: benchmarks/requirements-quix.lock | install
	@echo "Installing into $(BENCH_VENV)"
	@test -x $(BENCH_VENV)/bin/python || $(BIN)/python -m venv --without-pip $(BENCH_VENV)
	@VIRTUAL_ENV=$(CURDIR)/$(BENCH_VENV) $(UV) pip sync -q --require-hashes $<
	@touch $@

# Each prints its figures and appends them to benchmarks/results.csv; the table of goals comes last.
BENCHES := full_job latency ingest bench_failover bench_restore bench_scale bench_scoring bench_replay bench_rules bench_triggers bench_rings

.PHONY: bench
bench: bench-stream ## Every benchmark of the streaming side, and its goals (about 25 minutes; leave the machine alone)
	@for bench in $(BENCHES); do echo "== $$bench"; $(BIN)/python -m benchmarks.$$bench; done
	@$(BIN)/python -m benchmarks.report

.PHONY: bench-setup
bench-setup: install $(BENCH_VENV)/.installed ## What the other engines need: jars, an environment of their own
	@$(BIN)/python -m benchmarks.equal_job.setup

.PHONY: bench-stream
bench-stream: bench-setup ## The same job on ours, Kafka Streams, Quix Streams and Faust, side by side (QUICK=1: 2 minutes)
	@$(BIN)/python -m benchmarks.equal_job $(if $(QUICK),--quick)

.PHONY: bench-ingest
bench-ingest: install ## Signed webhooks a second beside the empty route, waits at half the load, and a broker that is away (QUICK=1)
	@$(BIN)/python -m benchmarks.ingest $(if $(QUICK),--quick)

.PHONY: bench-failover
bench-failover: install ## One of two workers is killed at 20,000 events/s: how long its events wait
	@$(BIN)/python -m benchmarks.bench_failover

# ---- checking

.PHONY: check
check: install ## Formatting, lint, types, import contracts, generated files
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(MAKE) typecheck imports
	@$(GREENLINE) schemas --check
	@diff .env.example <($(GREENLINE) env-example) || { echo ".env.example is stale: make schemas"; exit 1; }

.PHONY: fmt
fmt: install ## Format, and repair what lint can repair
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: lint
lint: install ## Lint alone
	@$(BIN)/ruff check .

.PHONY: typecheck
typecheck: install ## mypy, strict
	@$(BIN)/mypy

.PHONY: imports
imports: install ## Who may import whom
	@$(BIN)/lint-imports --no-logo

.PHONY: schemas
schemas: install ## Write the generated files: JSON Schemas, AsyncAPI, .env.example
	@$(GREENLINE) schemas
	@$(GREENLINE) env-example > .env.example
