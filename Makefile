# Two commands do everything on a fresh machine: `make report` and `make test`.
SHELL := /bin/sh
.DEFAULT_GOAL := help
ROOT := $(CURDIR)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHECKS := tests/browser/node_modules/.package-lock.json

# Nothing is written outside this folder: the caches of every tool stay in .cache/.
export PIP_CACHE_DIR := $(ROOT)/.cache/pip
export MPLCONFIGDIR := $(ROOT)/.cache/matplotlib
export NUMBA_CACHE_DIR := $(ROOT)/.cache/numba
export PYTENSOR_FLAGS := base_compiledir=$(ROOT)/.cache/pytensor
export IPYTHONDIR := $(ROOT)/.cache/ipython
export JUPYTER_RUNTIME_DIR := $(ROOT)/.cache/jupyter
export JUPYTER_DATA_DIR := $(ROOT)/.cache/jupyter/data
export JUPYTER_CONFIG_DIR := $(ROOT)/.cache/jupyter/config
export XDG_CACHE_HOME := $(ROOT)/.cache/xdg
# pip asks rustc for its version, and rustc writes to its home.
export RUSTUP_HOME := $(ROOT)/.cache/rustup
# The order of Python's sets moves the last digit of a posterior: one order for all.
export PYTHONHASHSEED := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export npm_config_cache := $(ROOT)/.cache/npm

.PHONY: help setup report test test-slow test-lab calibrate lint lab docs lock clean

help:
	@echo "make report     the reports of Janakkala, Lapinjärvi and Tampere in three languages"
	@echo "make test       the tests"
	@echo "make setup      only set up .venv"
	@echo "make lab        JupyterLab on the suite, in reading order"
	@echo "make docs       the documentation as a site, in build/docs"
	@echo "make test-slow  the slow tests, before a model change"
	@echo "make test-lab   JupyterLab in a browser: opens, runs, answers a slider"
	@echo "make calibrate  simulation-based calibration of every outcome model, with its figure"
	@echo "make lint       ruff, mypy and the parameters"
	@echo "make lock       resolve requirements.lock anew"

setup: $(READY)

$(READY): requirements.lock pyproject.toml tools/find_python.sh
	@python=$$(sh tools/find_python.sh) || exit 7; \
	echo "Setting up .venv with $$($$python --version) (a few minutes the first time)"; \
	test -x $(BIN)/python || "$$python" -m venv $(VENV) || \
	  { echo "Python's venv module is missing: install it (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 7; }
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(READY)

# What the checks of pages in a browser need; without it those tests are skipped, and say so.
$(CHECKS): tests/browser/package-lock.json
	@if command -v npm >/dev/null; then npm --prefix tests/browser ci --silent && touch $@; else false; fi || \
	  echo "axe-core and html-validate could not be installed with npm: tests that check pages with them will be skipped."

report: $(READY)
	@$(BIN)/costeff run -m 165 -m 407 -m 837 --lang fi --lang sv --lang en --output runs/latest

# Two at a time, a file each, in the order of tests/conftest.py; what kills and counts processes is alone.
test: $(READY) $(CHECKS)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/batch/test_fire.py
	@$(BIN)/python -m pytest tests/batch/test_fire.py

test-slow: $(READY)
	@$(BIN)/python -m pytest -m slow

test-lab: $(READY)
	@$(BIN)/python -m pytest -m slow tests/test_lab_browser.py

calibrate: $(READY)
	@$(BIN)/python tools/calibrate.py

lint: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/costeff params check

lab: $(READY)
	@$(BIN)/costeff lab $(ARGS)

# Notebooks are run the first time and after a change; with ARGS=--as-stored they are shown as they are.
docs: $(READY)
	@$(BIN)/python tools/docs $(ARGS)

lock: $(READY)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --custom-compile-command "make lock" \
	  --extra dev --output-file requirements.lock pyproject.toml

clean:
	@rm -rf .cache runs build dist tests/browser/node_modules
