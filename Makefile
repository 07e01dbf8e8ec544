# Portico. `make help` lists what there is. Needs python3 (3.11 or newer) with venv, and make.

PYTHON ?= python3
PY     := .venv/bin/python
NPM_CI := npm ci --silent </dev/null
# A line that says what is going on, on stderr where it cannot disturb what a program prints.
say     = @printf '  %s\n' '$(1)' >&2

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Processes of the tests read each other's bytecode: without it each of them compiles everything.
unexport PYTHONDONTWRITEBYTECODE

# The rules, pure functions of their input, have suites of their own.
RULES := $(addprefix tests/unit/,oidc journey assisted account)
# pytest in as many workers as there are processors; one more for the whole suite, a part of which waits for programs,
# disks and time-outs
CPUS   := $(shell getconf _NPROCESSORS_ONLN)
PYTEST := $(PY) -m pytest -q --workers

.PHONY: help setup demo test lint types suite optimised unit interop coverage mutants fmt diagrams screenshots wheel bench lock clean node test-tools interop-tools
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.run broker/web/static/built/manifest.json broker/__pycache__/.compiled ## make the environment and build the pages' assets

demo: setup ## start everything on loopback and say what to open (PORTICO_DEMO_PORT moves it from 8000; QUIET=1 tells nothing of what happens)
	@exec $(PY) -m broker demo $(if $(QUIET),--quiet)

test: setup test-tools lint types suite optimised ## check and test everything, on real servers and in a real browser

screenshots: setup test-tools ## take the pictures in the README from a running demonstration
	@$(PY) -m tests.documents.screenshots

wheel: setup .venv/.test ## build sdist and wheel into dist/, with the style sheets inside
	@$(PY) -m hatchling build --clean

unit: setup .venv/.test ## test what needs no server, no browser and no process, with few random examples (not the presets' sign-ins)
	@$(PYTEST) $(CPUS) -m unit --hypothesis-profile quick

interop: setup test-tools interop-tools tests/interop/java/.fetched tests/interop/spid/.venv/.done ## sign in at other people's providers that are too heavy for make test
	@$(PY) -m pytest -q -p no:cacheprovider tests/interop/check_*.py

coverage: setup .venv/.test ## branch coverage of the rules by their own tests, which must be at least 95 %
	@$(PYTEST) $(CPUS) -p no:cacheprovider --hypothesis-profile quick $(RULES) --cov

mutants: setup .venv/.mutants ## change the rules bit by bit and list what no test notices (MUTANTS='broker.oidc.dpop*': a part)
	@$(PY) -m mutmut run $(MUTANTS) && $(PY) -m mutmut results

fmt: .venv/.test ## format, and fix what can be fixed by a program
	@$(PY) -m ruff check --quiet --fix . && $(PY) -m ruff format --quiet .

diagrams: setup ## draw the state diagrams in the documents again from the tables
	@$(PY) -m tests.documents.diagrams

bench: setup test-tools ## measure the cost of a complete sign-in
	@exec $(PY) -m tests.bench

lock: .venv-lock/.done setup ## export pyproject's dependencies and groups to lock files with hashes (UPGRADE=1: newest versions)
	@deploy/setup/lock.sh

clean: ## remove all that was made here
	@rm -rf .venv .venv-lock dist mutants .coverage .coverage.* broker/web/static/built deploy/assets/node_modules tests/interop/node_modules
	@rm -rf tests/interop/java/lib tests/interop/java/keycloak tests/interop/java/target tests/interop/java/.fetched tests/interop/spid/.venv
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .demo
	@find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

# --- the steps of test ---

lint: .venv/.test ## ruff
	$(call say,ruff)
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --quiet --check . || { echo 'to be formatted: run .venv/bin/ruff format' >&2; exit 1; }

types: .venv/.test ## mypy --strict; tests by fewer rules
	$(call say,mypy --strict)
	@$(PY) -m mypy --strict --no-error-summary broker providers tests

suite: setup test-tools
	$(call say,pytest)
	@$(PYTEST) $$(($(CPUS) + 1)) || { test -n '$(SECOND_CHANCE)' && $(PY) -m tests.support.second_chance; }

# Python's -O takes asserts out. Ruff (S101) forbids them to the product; the rules are run without them all the same.
# pytest keeps the asserts of the tests, and tests/test_asserts.py proves it.
optimised: setup test-tools
	$(call say,pytest under python -O)
	@$(PY) -O -m pytest -q --workers $(CPUS) --hypothesis-profile quick -p no:cacheprovider \
	  -W 'ignore:assertions not in test modules:pytest.PytestConfigWarning' tests/test_asserts.py $(RULES)

# --- what they stand on; each stamp lies inside the thing it vouches for ---

.venv/.run: deploy/locks/run.txt deploy/setup/python.py
	$(call say,Python packages)
	@$(PYTHON) deploy/setup/python.py run
	@touch $@

.venv/.test: deploy/locks/test.txt .venv/.run
	$(call say,Python packages for the tests)
	@$(PYTHON) deploy/setup/python.py test
	@touch $@

.venv/.mutants: deploy/locks/mutants.txt .venv/.test
	$(call say,Python packages for mutation tests)
	@$(PYTHON) deploy/setup/python.py mutants
	@touch $@

.venv-lock/.done: deploy/locks/lock.txt
	@$(PYTHON) -m venv --clear .venv-lock
	@.venv-lock/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r deploy/locks/lock.txt
	@touch $@

# so that the first start is as quick as the next ones, whatever PYTHONDONTWRITEBYTECODE says
broker/__pycache__/.compiled: $(shell find broker providers -name '*.py') | .venv/.run
	@$(PY) -m compileall -q broker providers
	@touch $@

node: .venv/.run
	@$(PY) deploy/setup/node.py

deploy/assets/node_modules/.done: deploy/assets/package-lock.json | node
	$(call say,npm packages)
	@cd deploy/assets && $(NPM_CI)
	@touch $@

broker/web/static/built/manifest.json: deploy/assets/build.mjs deploy/assets/node_modules/.done $(wildcard broker/web/assets/* broker/web/assets/parts/*)
	$(call say,style sheets)
	@node deploy/assets/build.mjs >/dev/null

tests/interop/node_modules/.done: tests/interop/package-lock.json | node
	$(call say,npm packages for the tests)
	@cd tests/interop && $(NPM_CI)
	@touch $@

interop-tools: .venv/.test
	@$(PY) -m tests.support.programs interop

# target holds the plugin's notes of what it unpacked before, which would keep it from unpacking again
tests/interop/java/.fetched: tests/interop/java/pom.xml | interop-tools
	$(call say,providers in Java for make interop)
	@cd tests/interop/java && rm -rf lib keycloak target && mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib
	@cd tests/interop/java && mvn -q -B dependency:unpack -Dartifact=org.keycloak:keycloak-quarkus-dist:26.7.3:zip -DoutputDirectory=keycloak
	@touch $@

tests/interop/spid/.venv/.done: deploy/locks/spid.txt
	$(call say,the reference implementation of SPID and CIE)
	@$(PYTHON) deploy/setup/python.py spid tests/interop/spid/.venv
	@touch $@

test-tools: .venv/.test tests/interop/node_modules/.done
	@$(PY) -m tests.support.programs

.NOTPARALLEL:
