# Twelve verbs at most. A line `verb: ## text` is what `make help` prints.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
SEED ?=
SEEDS ?=
CALENDAR ?=
ARGS ?=
SDK_CHECKOUT ?=
SDK_FILES ?=
TEMPORAL_CLI ?=
WHICH ?= brokers
WEB ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint sim conformance programs bench servers proto clean

help: ## list the verbs
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## create .venv with everything; done again only when pyproject.toml changes

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed; this is `$(PYTHON) --version 2>&1`."; \
	  echo "On Debian 12: apt-get install python3. Or name another: make setup PYTHON=python3.12"; \
	  exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python cannot create a virtual environment. On Debian or Ubuntu:"; \
	  echo "    apt-get install python3-venv"; \
	  exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv (a minute or so)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: setup ## the order saga: a server killed half way, every order accounted for
	@$(BIN)/python examples/orders/demo.py $(ARGS)

test: setup ## all tests on two processes; ARGS= goes to pytest
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --max-worker-restart=0 $(ARGS)

lint: setup ## format, lint, types, import contract and tidy rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_tidy.py

sim: setup ## the simulator: SEED=n replays one seed, SEEDS=n runs that many; CALENDAR=n cron specs
	@$(BIN)/python -m polyrhythm.testing.$(if $(CALENDAR),calendar --cases $(CALENDAR),simulate) \
	  $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) $(ARGS)

conformance: setup ## recorded answers; RECORD=names: a real server beside ours; SDK_CHECKOUT=dir: SDK's tests
	@$(BIN)/python $(if $(RECORD),tools/differential/run.py $(RECORD),tests/conformance.py) $(ARGS)
	@$(if $(SDK_CHECKOUT),PYTHONPATH=tools $(BIN)/python -m official_suite \
	  --checkout $(SDK_CHECKOUT) $(SDK_FILES))
	@$(if $(TEMPORAL_CLI),PYTHONPATH=tools $(BIN)/python -m temporal_cli $(TEMPORAL_CLI))

programs: setup ## programs of other SDKs and of Machinery beside ours (needs Go 1.23, Node 20)
	@$(BIN)/python tools/programs.py $(ARGS)

bench: setup ## benchmarks; the figures go to docs/evidence
	@$(BIN)/python bench/run.py $(ARGS)

servers: ## Redis, RabbitMQ, Chromium for tests, by apt-get; WHICH=temporal builds Temporal's (Go; 3 to 12 min)
	@bash tools/$(if $(filter temporal,$(WHICH)),temporal_server,broker_servers).sh $(ARGS)

proto: setup ## compile our .proto files; WEB=build|check: the web UI from web/ (needs Node 20)
	@$(if $(WEB),bash tools/web.sh $(WEB),$(BIN)/python tools/compile_protos.py)

clean: ## remove .venv and everything that the other verbs leave behind
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis \
	  build dist
	find src tests examples bench tools -name __pycache__ -type d -prune -exec rm -rf {} + \
	  2>/dev/null || true
