# `make demo` and `make test` prepare everything they need; the second run re-uses what is installed.
# TORCH_INDEX chooses where PyTorch comes from, for example a CPU-only index:
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu

.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
SERVE ?= 1
PORT ?= 8501
WORKSPACE ?= workspace
WORKERS ?= 2
PYTEST_ARGS ?=

BIN := $(VENV)/bin
READY := $(VENV)/.ready
NODE_READY := node_modules/.ready

.PHONY: help install demo serve check test compat lint format clean

help: ## Show the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

install: $(READY) ## Create the virtual environment and install everything

# torch goes first and by itself: named as a dependency it would bring the build with CUDA along.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Curator needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another with PYTHON=python3.12.") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

# Only the checks of the labelling screen's JavaScript need Node; serving Curator does not.
$(NODE_READY): package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' && command -v npm >/dev/null || \
		{ echo "The checks of the labelling screen need Node 20 or newer with npm: https://nodejs.org, or your system's packages nodejs and npm."; exit 1; }
	npm ci --silent --no-audit --no-fund
	@touch $@

demo: $(READY) ## Run the whole loop on sample_data/ and leave the server running (SERVE=0 stops after the table)
	$(BIN)/curator demo --workspace $(WORKSPACE) --port $(PORT) $(if $(filter 0,$(SERVE)),--no-serve)

serve: $(READY) ## Serve the workspace that the demo made
	$(BIN)/curator serve --workspace $(WORKSPACE) --port $(PORT)

# Two workers by default: each has a PostgreSQL and a browser of its own, if its tests need them.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations 5 $(PYTEST_ARGS)

check: $(READY) lint ## Check style and types and run the tests that need no browser, server, database server or trained model
	npm test --silent
	$(PYTEST) -m "not slow and not browser and not postgres and not gpu"

test: $(READY) lint ## Run every test, the browser tests included
	npm test --silent
	$(PYTEST)

compat: $(READY) ## Take a step of other trainers on the exports; installs tests/compat/requirements.txt into .compat
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --no-deps --target .compat -r tests/compat/requirements.txt
	PYTHONPATH=.compat $(BIN)/python -m pytest tests/compat

lint: $(READY) $(NODE_READY) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	npm run --silent lint

format: $(READY) $(NODE_READY) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	npm run --silent format

clean: ## Remove the virtual environment and the demo's workspace
	rm -rf $(VENV) node_modules $(WORKSPACE)
