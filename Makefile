# `make demo` and `make test` need a Debian or Ubuntu machine with Python 3.11 or newer, and nothing else.

VENV ?= .venv
PYTHON = $(VENV)/bin/python
CANDOR = $(VENV)/bin/candor

# Compiled modules are kept whatever the caller's habit: hundreds of short processes start in the tests.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo demo-calls test lint audit bench soak pins docs clean

help:  ## Show this list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(VENV)/.app  ## Make the environment in .venv with everything the product needs.

$(VENV)/.app: requirements/app.txt requirements/meaning.txt pyproject.toml hatch_build.py src/candor/web/frontend/package-lock.json
	@scripts/environment $(VENV)
	@$(PYTHON) -m pip install --quiet --require-hashes -r requirements/app.txt
	@$(PYTHON) -m pip install --quiet --require-hashes --no-deps -r requirements/meaning.txt
	@$(PYTHON) -m pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.app requirements/test.txt
	@$(PYTHON) -m pip install --quiet --require-hashes -r requirements/test.txt
	@touch $@

demo: install  ## Start Candor on 127.0.0.1:8000 with demo conversations.
	@$(PYTHON) -m demo.manifest -o demo/calls/manifest.csv
	@$(CANDOR) demo demo/calls/manifest.csv --agent-id A101 --team Billing $(DEMO)

demo-calls: install  ## Make the demo calls' sound again (needs festival, flite and ffmpeg).
	@$(PYTHON) demo/make_calls.py

# Three processes on two cores: calls in real time mostly wait.
test: $(VENV)/.test lint  ## Run every check and test.
	@scripts/test-machine
	@$(PYTHON) -m pytest --numprocesses 3 --dist loadfile $(PYTEST)

lint: $(VENV)/.test  ## Style, types and the floors.
	@$(PYTHON) -m ruff format --check --quiet .
	@$(PYTHON) -m ruff check --quiet .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-cache | tail -4

audit: $(VENV)/.test  ## Hold every pinned dependency against the published advisories.
	@$(PYTHON) scripts/audit_dependencies.py

bench: $(VENV)/.test  ## Run every benchmark at its small size; JSON lines on standard output.
	@for bench in $(sort $(filter-out bench/__init__.py bench/report.py,$(wildcard bench/[a-z]*.py))); do \
		$(PYTHON) -m bench.$$(basename $$bench .py) --size small || exit 1; done

soak: $(VENV)/.test  ## The long runs that are too slow for every change.
	@$(PYTHON) -m pytest tests/soak $(PYTEST)

docs: install  ## Write the generated reference pages again.
	@$(CANDOR) settings --markdown > docs/reference/settings.md
	@$(CANDOR) commands --markdown > docs/reference/cli.md
	@$(PYTHON) -c 'from candor.access.reference import markdown; print(markdown(), end="")' > docs/reference/roles.md
	@$(PYTHON) -c 'from candor.api import app, reference; print(reference.markdown(app.create_api(None).openapi()), end="")' > docs/reference/api.md

pins: $(VENV)/.test  ## Pin the requirements again (needs pip-tools in the environment).
	@$(PYTHON) -m pip install --quiet pip-tools
	@$(VENV)/bin/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-options \
		--strip-extras --allow-unsafe --extra meaning -o requirements/app.txt pyproject.toml
	@$(VENV)/bin/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-options \
		--strip-extras --allow-unsafe -c requirements/app.txt -o requirements/test.txt requirements/test.in

clean:  ## Remove the environment and caches; data folders stay.
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
