# Plantwright. `make help` lists what there is.
SHELL := /bin/bash
PY := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help venv lock lint format test-fast crds

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-18s %s\n", $$1, $$2}'

.venv/.stamp: requirements/dev.txt pyproject.toml
	@python3 -m venv .venv
	@.venv/bin/pip install -q --require-hashes -r requirements/dev.txt
	@.venv/bin/pip install -q --no-build-isolation --no-deps -e .
	@touch $@

venv: .venv/.stamp ## Make the Python environment (.venv)

format: venv ## Format the code
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix .

lint: venv ## ruff, mypy strict, import-linter
	@.venv/bin/ruff format --check . && .venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

test-fast: venv ## Fast tests, no cluster, within a minute
	@.venv/bin/pytest -q -n 2 -m "not apiserver and not e2e and not slow"

crds: venv ## Write the CRD YAML from the models
	@$(PY) -m plantwright_api.schema
