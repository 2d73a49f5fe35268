# Everything a newcomer needs: `make demo`, `make test`. Only Python 3.11+ and make are assumed.
# The first one that really runs and is new enough: version managers leave shims of versions that are not there.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
            $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV   ?= .venv
BIN    := $(VENV)/bin
OUT    ?= out
STAMP  := $(VENV)/.installed
DEV    := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help demo test lint eval eval-samples kill-drill bench-born-digital bench-big-pdf schema pins clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "Quire needs Python 3.11 or newer: none found; set PYTHON=/path/to/python3"; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

$(STAMP): $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(DEV): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP) ## Start the embedded service, post sample documents, show what was read and where
	$(BIN)/python -m tests.samples.demo

test: $(DEV) ## Lint, types, import rules, and every test on real parts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

lint: $(DEV) ## Format and check
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mypy
	$(BIN)/lint-imports

pins: ## Write constraints.txt anew from the newest versions that pyproject.toml allows
	rm -rf $(OUT)/pins && "$(PYTHON)" -m venv $(OUT)/pins
	$(OUT)/pins/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	{ head -1 constraints.txt; $(OUT)/pins/bin/python -m pip freeze --exclude-editable | grep '=='; } > $(OUT)/constraints
	mv $(OUT)/constraints constraints.txt && rm -rf $(OUT)/pins

clean: ## Remove the virtual environment and outputs
	rm -rf $(VENV) $(OUT)
