# Two commands do all the set-up themselves: `make demo` and `make test`. Needs Python 3.11 or newer.
PYTHON ?= python3
VENV ?= .venv
SYNTHCITY_VENV ?= .venv-synthcity
BIN = $(VENV)/bin
READY = $(VENV)/.ready
USABLE = $(VENV)/.usable

.PHONY: help setup demo test docs lint format types unit studies synthcity-setup test-synthcity schema changelog benchmark \
	benchmark-generators benchmark-synthcity reference-sums bundled lock fuzz clean

help:
	@echo "make demo       release of a synthetic cohort, with report, into demo/"
	@echo "make test       lint, format check, type check and all tests"
	@echo "make studies    the tests that take minutes: neural generators at their defaults on AMLSG"
	@echo "make test-synthcity  the generators of synthcity, in an environment of their own (7 GB)"
	@echo "make docs       the documentation, as a folder that opens offline: build/docs/index.html"
	@echo "make schema     write again what is derived from schema/aml.yaml"
	@echo "make reference-sums  draw the noisy sums of the reference data set anew, after a changed feature map"
	@echo "make bundled    build the data set again that comes with the package, after a change of releases or its sums"
	@echo "make lock       write again what requirements/ pins, after a change of dependencies"
	@echo "make benchmark  time and peak memory of each step"
	@echo "make benchmark-generators  every generator against every measure; takes an hour"
	@echo "make benchmark-synthcity  the plugins of synthcity, in their environment; takes an hour"
	@echo "make fuzz       10,000 mutated releases, none of which may be verified or loaded"
	@echo "make changelog VERSION=X.Y.Z  gather the notes of changes/ into CHANGELOG.md"
	@echo "make format     format the code"
	@echo "make clean      remove what these commands made"

setup: $(READY)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "amlsynth needs Python 3.11 or newer; set PYTHON=python3.11, say." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

PIP = -m pip install --quiet --disable-pip-version-check
comma := ,
HASHED = --no-deps --require-hashes --requirement

# Every package is checked against the hashes in requirements/, and so is what builds those that come as source. The
# package itself follows, and with it torch, in the build that the machine's index has (requirements/lock.py).
define install
	$(BIN)/python $(PIP) $(HASHED) requirements/build.txt
	$(BIN)/python $(PIP) --no-build-isolation $(3) $(HASHED) requirements/$(1).txt
	$(BIN)/python $(PIP) --no-build-isolation -e '.[$(2)]'
endef

# What a user needs who makes releases, without torch, type checker and the rest of the development tools. Few
# modules of its packages are ever imported: these are compiled then, not all of them on installing.
$(USABLE): pyproject.toml requirements/build.txt requirements/use.txt | $(BIN)/python
	$(call install,use,generate$(comma)private$(comma)report$(comma)publish,--no-compile)
	@touch $@

$(READY): pyproject.toml requirements/build.txt requirements/dev.txt | $(BIN)/python
	$(call install,dev,dev)
	@touch $@ $(USABLE)

# Quarto is an alternative to the built-in renderer; its package downloads Quarto while it installs, which
# fails without internet. It is tried once.
$(VENV)/.quarto-tried: | $(USABLE)
	@command -v quarto >/dev/null || PATH="$(BIN):$$PATH" command -v quarto >/dev/null || \
		timeout 300 $(BIN)/python -m pip install --quiet --disable-pip-version-check quarto-cli >$(VENV)/quarto.log 2>&1 || \
		echo "Quarto could not be installed ($(VENV)/quarto.log); the built-in renderer serves."
	@touch $@

demo: $(USABLE) $(VENV)/.quarto-tried
	PYTHONDONTWRITEBYTECODE= PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/amlsynth demo --out demo

test: lint types unit

# Tutorials, guides, command line and Python: NO_MKDOCS_2_WARNING silences advertising of the theme.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo "Open build/docs/index.html"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

# On every core, each file on one of them, so that what a file's tests share is made once. One thread each: two of torch
# or BLAS that wait for each other on a core take twice the time. Bytecode is kept even where the environment forbids it:
# each worker, and each program that a test starts, would compile all of it anew.
unit: $(READY)
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses auto --dist loadfile

# What takes minutes: the neural generators' targets on AMLSG at their defaults. Before a release.
studies: $(READY)
	$(BIN)/python -m pytest -m study

# synthcity needs older packages than the rest, so it gets an environment of its own.
synthcity-setup: $(SYNTHCITY_VENV)/.ready

$(SYNTHCITY_VENV)/.ready: pyproject.toml requirements/synthcity.txt
	$(PYTHON) -m venv $(SYNTHCITY_VENV)
	$(SYNTHCITY_VENV)/bin/python $(PIP) $(HASHED) requirements/synthcity.txt
	$(SYNTHCITY_VENV)/bin/python $(PIP) --no-build-isolation -e '.[generate,synthcity]'
	@touch $@

test-synthcity: $(SYNTHCITY_VENV)/.ready
	$(SYNTHCITY_VENV)/bin/python -m pytest tests/generators/synthcity tests/evaluation/test_against_synthcity.py

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: $(READY)
	$(BIN)/python -c 'from amlsynth.dictionary.generated import write_all; write_all()'

# They stand in the repository, so that release/aml-reference.yaml gives the same bytes each time.
reference-sums: $(READY)
	$(BIN)/python -c 'from amlsynth.release.reference_sums import draw_reference_sums; print(*draw_reference_sums())'

# The zip that `amlsynth.load("aml-reference")` reads without the net; it stands in the repository and the wheel.
bundled: $(READY)
	$(BIN)/python -c 'from amlsynth.release.bundled import write_bundled; print(write_bundled())'

# What is pinned stays where it still fits; `make lock UPGRADE=--upgrade` takes the newest of everything.
lock: $(READY)
	$(BIN)/python $(PIP) uv
	$(BIN)/python requirements/lock.py $(UPGRADE)

changelog: $(READY)
	@test -n "$(VERSION)" || { echo "Name the version: make changelog VERSION=0.2.0" >&2; exit 2; }
	$(BIN)/towncrier build --yes --version $(VERSION)

benchmark: $(READY)
	$(BIN)/python benchmarks/steps.py

benchmark-generators: $(READY)
	$(BIN)/python benchmarks/generators.py --generators event-history sequential-cart nflow bootstrap independent hold-out
	$(BIN)/python benchmarks/generators.py --generators ctabgan-plus --paired

# Seven minutes at a time: make it again until it says that no runs are left. Fewer iterations than synthcity's
# defaults where three splits would take more than ten CPU minutes.
SYNTHCITY_BENCHMARK = OMP_NUM_THREADS=1 PYTHONWARNINGS=ignore $(SYNTHCITY_VENV)/bin/python \
	benchmarks/generators.py --cohort amlsg --paired --seeds 3 --minutes 7 --generators

benchmark-synthcity: $(SYNTHCITY_VENV)/.ready
	$(SYNTHCITY_BENCHMARK) event-history hold-out synthcity:bayesian_network synthcity:arf
	$(SYNTHCITY_BENCHMARK) synthcity:survae --param n_iter=50
	$(SYNTHCITY_BENCHMARK) synthcity:ddpm --param n_iter=1000 --param num_timesteps=200
	$(SYNTHCITY_BENCHMARK) synthcity:survival_gan --param n_iter=50
	$(SYNTHCITY_BENCHMARK) synthcity:survival_nflow --param n_iter=100

fuzz: $(READY)
	AMLSYNTH_FUZZ=$${AMLSYNTH_FUZZ:-10000} $(BIN)/python -m pytest -q --numprocesses auto tests/release/test_mutations.py

clean:
	rm -rf $(VENV) $(SYNTHCITY_VENV) demo dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
