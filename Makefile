# `make demo` and `make test` set everything up themselves; Python 3.11 or newer is all they need.

PYTHON ?= python3
VENV ?= .venv
STAMP := $(VENV)/.installed

.PHONY: setup test test-slow lint demo bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(VENV)/bin/python -m pip install --quiet --editable . --group test --group lint
	touch $(STAMP)

test: setup
	$(VENV)/bin/python -m pytest -m "not slow"

# Long random lives, storms of kills, whole demonstrations.
test-slow: setup
	$(VENV)/bin/python -m pytest -m slow

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

demo: setup
	$(VENV)/bin/pm demo

bench: setup
	$(VENV)/bin/pm bench

clean:
	rm -rf $(VENV) .pm .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
