# Vigie. `make` alone lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BUF_VERSION := 1.75.0
BUF := build/buf/node_modules/.bin/buf
# What `proto-breaking` compares with: the last release, or the last commit while there is none.
PROTO_BASE ?= $(shell git describe --tags --abbrev=0 2>/dev/null || echo HEAD)
# Tests that wait for programs leave a core to others.
WORKERS ?= $(shell expr $$(nproc) + 1)
CODE := agent server proto tests deploy/grafana deploy/agent/vigie_packaging

# Every program that is started compiles what it loads again where this is set.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

# --- Set-up ---------------------------------------------------------------------------------------

.PHONY: setup
setup: $(VENV)/.ready ## Make the virtual environment and install everything, hash-checked

$(VENV)/.ready: pyproject.toml requirements/dev.txt deploy/setup-venv.sh
	@PYTHON=$(PYTHON) bash deploy/setup-venv.sh $(VENV)
	@touch $@

# --- Use ------------------------------------------------------------------------------------------

.PHONY: demo
demo: setup ## Watch this machine: server, agent and first verdicts (ONCE=1 exits; FLEET=200 adds devices)
	@$(BIN)/vigie-server demo $(if $(ONCE),--once) $(if $(FLEET),--fleet $(FLEET))

# --- Check ----------------------------------------------------------------------------------------

.PHONY: test
test: setup ## Run every test (WORKERS=1: one after the other)
	@$(BIN)/pytest -n $(WORKERS) --no-loadscope-reorder

.PHONY: check
check: lint types arch proto-lint test ## Lint, types, import contract, protocol and tests

.PHONY: lint
lint: setup ## Format and lint, changing nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

.PHONY: fmt
fmt: setup ## Format the code and mend what can be mended
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

.PHONY: types
types: setup ## Check types (mypy, strict)
	@$(BIN)/mypy $(CODE)

.PHONY: arch
arch: setup ## Check who imports whom
	@$(BIN)/lint-imports

.PHONY: bench
bench: setup ## Measure speed against bare floors, and the agent against its budget (PART=agent: one part)
	@PYTHONPATH=tests $(BIN)/python -m bench $(PART)

.PHONY: fleet-run
fleet-run: export DEVICES ?= 100000
fleet-run: export MINUTES ?= 10
fleet-run: export PERIOD ?= 900
fleet-run: export CHANGES ?= 0.05
fleet-run: export FOLDER ?= build/fleet-$(DEVICES)
fleet-run: setup ## Measure a server under 100,000 planted devices for ten minutes (5.5 GB; DEVICES, MINUTES, FOLDER)
	@$(MAKE) --no-print-directory bench PART=fleet

.PHONY: held-run
held-run: export DEVICES ?= 18000
held-run: export MINUTES ?= 5
held-run: export AFTER ?= kill,stop
held-run: export FOLDER ?= build/held-$(DEVICES)-$(or $(SERVERS),1)
held-run: setup ## Measure 18,000 streams that are held for five minutes (5 GB of memory; DEVICES, SERVERS, AFTER)
	@$(MAKE) --no-print-directory bench PART=held

.PHONY: lists-run
lists-run: export VIGIE_BENCH_FULL ?= 1
lists-run: export ENGINE ?= sqlite
lists-run: export FOLDER ?= build/grown-100000-$(ENGINE)
lists-run: setup ## Measure lists, contractors and console over 100,000 devices and a year (6 GB; ENGINE, FOLDER)
	@$(MAKE) --no-print-directory bench PART="lists-kept contractors"

.PHONY: lists-kept
lists-kept: export VIGIE_BENCH_FULL ?= 1
lists-kept: export ENGINE ?= sqlite
lists-kept: export FOLDER ?= build/grown-100000-$(ENGINE)
lists-kept: setup ## Measure lists and console alone over that store, within 5 minutes (ENGINE=postgres, FOLDER)
	@$(MAKE) --no-print-directory bench PART=lists-kept

.PHONY: pack-cost
pack-cost: ## Measure each Linux query of the packs: CPU, rows, share of a day of one core
	@$(MAKE) --no-print-directory bench PART=packs

.PHONY: dashboards
dashboards: setup ## Write the Grafana dashboards from their code
	@PYTHONPATH=deploy/grafana $(BIN)/python -m vigie_grafana deploy/grafana/dashboards

# --- Packages -------------------------------------------------------------------------------------

.PHONY: agent-bundle
agent-bundle: setup ## Build the agent as a folder that needs no Python (OSQUERYD=program: carries it)
	@PYTHONPATH=deploy/agent $(BIN)/python -m vigie_packaging bundle build/agent $(if $(OSQUERYD),--osqueryd $(OSQUERYD))

.PHONY: deb
deb: setup ## Build the agent's Debian package (OSQUERYD=program: carries it)
	@PYTHONPATH=deploy/agent $(BIN)/python -m vigie_packaging deb build/agent $(if $(OSQUERYD),--osqueryd $(OSQUERYD))

.PHONY: rpm
rpm: setup ## Build the agent's rpm (OSQUERYD=program: carries it)
	@PYTHONPATH=deploy/agent $(BIN)/python -m vigie_packaging rpm build/agent $(if $(OSQUERYD),--osqueryd $(OSQUERYD))

.PHONY: msi
msi: setup ## Build the agent's Windows installer (BUNDLE=folder built on Windows; without: a stand-in)
	@mkdir -p build/agent
	@PYTHONPATH=deploy/agent $(BIN)/python -m vigie_packaging msi build/agent $(if $(BUNDLE),--bundle $(BUNDLE))

.PHONY: pkg
pkg: setup ## Build the agent's macOS package (on macOS only)
	@PYTHONPATH=deploy/agent $(BIN)/python -m vigie_packaging pkg build/agent

.PHONY: server-wheel
server-wheel: setup ## Build the wheel: the server with its migrations, rules, pages; the agent too
	@PYTHONPATH=deploy/agent $(BIN)/python -m vigie_packaging server-wheel build/server

.PHONY: server-deb
server-deb: setup ## Build the server's Debian package, for this release of Debian or Ubuntu
	@PYTHONPATH=deploy/agent $(BIN)/python -m vigie_packaging server-deb build/server

.PHONY: server-rpm
server-rpm: setup ## Build the server's rpm, for distributions with the Python that runs this
	@PYTHONPATH=deploy/agent $(BIN)/python -m vigie_packaging server-rpm build/server

# --- Protocol -------------------------------------------------------------------------------------

.PHONY: proto
proto: setup ## Generate the protocol's stubs
	@$(BIN)/python -m grpc_tools.protoc -I proto --python_out=proto --grpc_python_out=proto \
	  --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
	  --mypy_out=quiet:proto --mypy_grpc_out=quiet:proto $(wildcard proto/vigie/v1/*.proto)

.PHONY: proto-lint
proto-lint: ## Lint the protocol and refuse breaking changes (buf; skipped where npm is missing)
	@if ! command -v npm >/dev/null; then \
	  if [ -n "$$CI" ]; then echo "npm is missing: cannot lint the protocol"; exit 1; fi; \
	  echo "proto-lint skipped: npm is not installed (it brings buf)"; \
	else $(MAKE) --no-print-directory $(BUF) \
	  && $(BUF) lint proto \
	  && $(BUF) breaking proto --against '.git#ref=$(PROTO_BASE),subdir=proto' && echo "protocol: buf lint and breaking passed"; fi

$(BUF):
	@npm install --silent --no-save --no-package-lock --prefix build/buf @bufbuild/buf@$(BUF_VERSION)

# --- Upkeep ---------------------------------------------------------------------------------------

.PHONY: requirements
requirements: setup ## Pin every dependency with its hashes
	@bash requirements/compile.sh $(BIN)/uv

.PHONY: register
register: setup ## Write docs/register.md, what is collected and why, from topics and packs
	@folder=$$(mktemp -d) && VIGIE_AGENT_DATA_DIR=$$folder VIGIE_AGENT_ENGINE__KIND=embedded \
	  $(BIN)/vigie-agent --config /dev/null explain --register > $$folder/register.md \
	  && mv $$folder/register.md docs/register.md && rm -rf $$folder

.PHONY: changelog
changelog: setup ## Show the changelog of the next release
	@$(BIN)/towncrier build --draft --version next

.PHONY: clean
clean: ## Remove what can be made again
	@rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .demo
