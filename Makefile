# Plantwright. `make help` lists what there is.
SHELL := /bin/bash
PY := .venv/bin/python
CLUSTER ?= dev
# Tests against real servers share two cores: what failed runs once more, alone, and must pass then. Every such line in a
# log is a test to mend.
define tests
	@.venv/bin/pytest -q $(1) || { test $$? -eq 1 || exit 2; printf '\n== once more, alone: what failed ==\n'; \
	  .venv/bin/pytest -q --last-failed --last-failed-no-failures none $(filter-out -n 2 3,$(1)); }
endef

.DEFAULT_GOAL := help
.PHONY: help venv lock format lint crds test test-fast test-apiserver test-e2e demo demo-down cluster-up cluster-down install

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

.venv/.stamp: requirements/dev.txt pyproject.toml
	@python3 -c 'import ensurepip' 2>/dev/null || { apt-get update -q && apt-get install -qy --no-install-recommends python3-venv; }
	@echo "making .venv from requirements/dev.txt"
	@python3 -m venv .venv
	@.venv/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@.venv/bin/pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

venv: .venv/.stamp ## Make the Python environment (.venv)

lock: ## Lock the dependencies with hashes (needs uv)
	@for extra in gateway operator examples dev; do \
	  uv pip compile -q pyproject.toml --extra $$extra --generate-hashes --no-emit-index-url --no-annotate \
	    --python-version 3.11 --no-header -o requirements/$$extra.txt || exit 1; done
	@uv pip compile -q requirements/supply.in --generate-hashes --no-emit-index-url --no-annotate \
	  --python-version 3.11 --no-header -o requirements/supply.txt

dist/supply/.stamp: requirements/supply.txt
	@python3 -m venv dist/supply
	@dist/supply/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/supply.txt
	@touch $@

.PHONY: audit sbom
audit: dist/supply/.stamp ## Known vulnerabilities of the locked dependencies; status 2 where the database cannot be reached
	@dist/supply/bin/python tests/supply/supply.py audit

sbom: dist/supply/.stamp ## A CycloneDX bill of materials per image, into dist/sbom
	@dist/supply/bin/python tests/supply/supply.py sbom dist/sbom

crds: venv ## Write the CRDs, the chart's copies and the conditions reference from the models
	@$(PY) -m plantwright_api.schema

.PHONY: dashboards
dashboards: venv ## Write the Grafana dashboards' JSON into the chart
	@$(PY) -m plantwright_dashboards

format: venv ## Format the code
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix .

lint: venv ## ruff, mypy strict, import-linter
	@.venv/bin/ruff format --check . && .venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

test: venv ## Everything: fast tests, API-server tests, one pass on a real cluster (root)
	@started=$$SECONDS; \
	for tier in lint test-fast test-slow test-apiserver test-e2e; do \
	  begun=$$SECONDS; printf '\n== %s ==\n' "$$tier"; \
	  $(MAKE) --no-print-directory $$tier || { echo "== $$tier failed after $$((SECONDS - begun)) s"; exit 1; }; \
	  echo "== $$tier took $$((SECONDS - begun)) s"; \
	done; echo "== all tiers took $$((SECONDS - started)) s"

test-fast: venv ## Fast tests, no cluster, within a minute
	$(call tests,-n 3 -m "not apiserver and not e2e and not slow and not chaos")

test-slow: venv tools ## Tests that take seconds each, on real servers, no cluster
	$(call tests,-n 2 -m "slow and not apiserver and not e2e and not chaos")

test-apiserver: venv tools ## Tests against a real kube-apiserver and etcd
	$(call tests,-m "apiserver and not e2e and not chaos")

test-e2e: venv tools ## One end-to-end pass on a real cluster of its own (root)
	@.venv/bin/pytest -q -s -m e2e tests/e2e

.PHONY: test-chaos
test-chaos: venv tools ## The long forms of the fault and bad-input matrix (hours), into docs/measured/reliability.md
	@.venv/bin/pytest -q -s -m chaos --record-rows tests; status=$$?; cd tests/matrix && ../../.venv/bin/python table.py; exit $$status

.PHONY: test-mutants
test-mutants: venv tools ## Each patch under tests/mutants breaks a promise in a copy: its test must turn red
	@$(PY) tests/mutants/run.py

.PHONY: tools
tools: venv ## Debian packages and programs the tests need; Kubernetes is compiled once (minutes, with progress)
	@$(PY) -m plantwright_cluster tools > /dev/null

demo: venv ## A real cluster, the operator, a reference MES and simulated machines; data arriving (root)
	@$(PY) -m plantwright_demo up

demo-down: venv ## Remove the demo; only the build cache stays
	@$(PY) -m plantwright_demo down

cluster-up: venv ## A cluster alone, named CLUSTER (dev); prints the KUBECONFIG to use
	@$(PY) -m plantwright_cluster up --name $(CLUSTER)

cluster-down: venv ## Remove that cluster
	@$(PY) -m plantwright_cluster down --name $(CLUSTER)

install: ## The operator onto whatever KUBECONFIG names
	@helm upgrade --install plantwright charts/plantwright -n plantwright-system --create-namespace --wait
