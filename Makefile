# make demo   the main job on the embedded tiny model and corpus; results in demo_output/
# make test   lint, type check and tests
# make lint   the first two alone
# make docs   the documents as a site, site/index.html; offline after the install
# make bench  the benchmarks, as ratios
# make test-new     the suite on the newest release of everything that PyPI serves today, nothing pinned
# make test-old     the suite on the lowest versions that pyproject.toml claims (torch 2.4, transformers 4.57)
# make test-fork    the suite with ESPnet's fork, espnet-s3prl, in place of s3prl
# make test-espnet  ESPnet's own frontend and loader on pruned upstreams

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SOURCES := setup.py pyproject.toml $(wildcard constraints/*.txt)
# One thread a process: two OpenMP threads on a busy machine are slower than one.
export OMP_NUM_THREADS ?= 1

.PHONY: demo test lint docs bench test-new test-old test-fork test-espnet clean

demo: $(VENV)/.demo
	$(BIN)/s3prl-convexprune study demo -o demo_output --jobs 2

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy

docs: $(VENV)/.docs
	$(BIN)/python -m tools.docs

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.bench_convexity --sizes 1000 3000
	$(BIN)/python -m benchmarks.bench_depth
	$(BIN)/python -m benchmarks.bench_loading
	$(BIN)/python -m benchmarks.bench_finetune
	$(BIN)/python -m benchmarks.bench_hook

# Asks PyPI each time. Where pip's configuration caps a version, it caps it here too.
test-new:
	$(PYTHON) -m venv $(VENV)-new
	$(VENV)-new/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager \
	    -e ".[test,ast]"
	$(VENV)-new/bin/python -m pytest -n 2 --dist worksteal

# Each in an environment of its own.
test-old: $(VENV)-old/.test
	$(VENV)-old/bin/python -m pytest -n 2 --dist worksteal

# The fork's package is imported as s3prl too, so the two cannot be installed side by side.
test-fork: $(VENV)-fork/.fork
	$(VENV)-fork/bin/python -m pytest -n 2 --dist worksteal

$(VENV)-fork/.fork: $(VENV)-fork/.test
	$(VENV)-fork/bin/python -m pip uninstall --quiet --yes s3prl
	$(VENV)-fork/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall espnet-s3prl
	touch $@

# ESPnet in an environment of its own: it brings fifty packages, and where it is installed s3prl's hub imports it. It comes
# second, because it holds setuptools below what building our wheel takes: asked for both, pip takes an ESPnet of 2022.
test-espnet: $(VENV)-espnet/.espnet
	$(VENV)-espnet/bin/python -m pytest -k espnet

$(VENV)-espnet/.espnet: $(VENV)-espnet/.test
	$(VENV)-espnet/bin/python -m pip install --quiet --disable-pip-version-check \
	    -c constraints/current.txt "espnet>=202511"
	touch $@

$(VENV)-old/.test: CONSTRAINTS := old
$(VENV)-fork/.test $(VENV)-espnet/.test: CONSTRAINTS := current
$(VENV)-old/.test $(VENV)-fork/.test $(VENV)-espnet/.test: $(SOURCES)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check \
	    -c constraints/$(CONSTRAINTS).txt -e ".[test,ast]"
	touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "s3prl-convexprune needs Python 3.10 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python $(SOURCES)
	$(PIP_INSTALL) -c constraints/current.txt -e .
	touch $@

$(VENV)/.dev: $(VENV)/bin/python $(SOURCES)
	$(PIP_INSTALL) -c constraints/current.txt -e ".[dev,ast]"
	touch $@ $(VENV)/.demo

$(VENV)/.docs: $(VENV)/bin/python $(SOURCES)
	$(PIP_INSTALL) -c constraints/current.txt -e ".[docs,speechbrain]"
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-new $(VENV)-old $(VENV)-fork $(VENV)-espnet demo_output site build dist *.egg-info
