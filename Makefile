# Two commands do everything on a machine with Python 3.11 and make: `make demo` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
UV := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv
DEMO_INSTALLED := $(VENV)/installed-demo
INSTALLED := $(VENV)/installed
PEERS := benchmarks/.venvs/airbyte/installed benchmarks/.venvs/singer/installed
LOCK := $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
  --no-emit-index-url
DIST := dist
COMMA := ,
EXTRAS ?= marts,dashboard
# Nothing of a run lands outside of this folder, and no library calls home.
export DLT_DATA_DIR ?= $(CURDIR)/.dlt/data
export RUNTIME__DLTHUB_TELEMETRY := false
# Compiled once, each process starts more than a second sooner.
unexport PYTHONDONTWRITEBYTECODE
# Where there is room in memory, files of tests are made there: what they wait for most is a disk.
MEMORY = $(shell grep -s ' /dev/shm ' /proc/mounts | grep -qv noexec && \
  [ "$$(df -Pk /dev/shm | awk 'END {print $$4}')" -gt 4000000 ] && echo /dev/shm)

.PHONY: demo install test quick lint soak bench dist sbom audit matrix lock clean

demo: $(DEMO_INSTALLED) ## install, then load the sandbox twice and ask three questions
	@$(BIN)/bookeo demo

install: $(BIN)/uv ## what a user needs, pinned and with hashes; EXTRAS=marts,dashboard,dagster adds extras
	@$(UV) pip compile --quiet --no-header --no-annotate --constraints constraints.txt $(addprefix --extra ,$(subst $(COMMA), ,$(EXTRAS))) \
	  pyproject.toml | $(BIN)/python release/pinned.py constraints.txt
	@$(UV) pip install --quiet --constraints constraints.txt --build-constraints constraints.txt --editable '.$(if $(EXTRAS),[$(EXTRAS)])'
	@echo "Installed. Next: . $(VENV)/bin/activate, then bookeo init"

test: $(INSTALLED) lint ## install everything and run all tests
	PYTEST_DEBUG_TEMPROOT=$(MEMORY) $(BIN)/python -m pytest -n 3 --dist loadfile

quick: $(INSTALLED) ## the tests of the source and of single modules, in less than a minute on an idle machine
	PYTEST_DEBUG_TEMPROOT=$(MEMORY) $(BIN)/python -m pytest -q -n 2 tests/unit tests/source tests/test_*.py

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

soak: $(INSTALLED) ## the long reliability tests: an hour of kills, faults and changes, and 2,000 random sequences of them
	$(BIN)/python benchmarks/soak.py
	TMPDIR=$${TMPDIR:-$(MEMORY)} $(BIN)/python benchmarks/sequences.py

bench: $(INSTALLED) $(PEERS) ## what a load costs, beside what one would pick instead; BENCH="--sizes 20000" makes it shorter
	$(BIN)/python benchmarks/requests.py
	$(BIN)/python benchmarks/speed.py $(BENCH)

# Contenders whose pins contradict ours live by themselves.
benchmarks/.venvs/%/installed: benchmarks/contenders/requirements-%.txt $(BIN)/uv
	@echo "Installing into benchmarks/.venvs/$* ..."
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) benchmarks/.venvs/$*
	@VIRTUAL_ENV=$(CURDIR)/benchmarks/.venvs/$* $(BIN)/uv pip install --quiet --require-hashes -r $<
	@touch $@

# uv comes by pip, everything else by uv: pinned, and with hashes.
$(BIN)/uv: requirements-uv.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@touch $@

# The demonstration needs a tenth of what the tests and all extras need. Hashes of constraints are checked, too.
$(DEMO_INSTALLED): $(BIN)/uv constraints.txt pyproject.toml
	@test -e $(INSTALLED) || $(UV) pip compile --quiet --no-header --no-annotate --constraints constraints.txt --extra sandbox \
	  pyproject.toml | $(BIN)/python release/pinned.py constraints.txt
	@test -e $(INSTALLED) || $(UV) pip install --quiet --constraints constraints.txt --build-constraints constraints.txt \
	  --editable '.[sandbox]'
	@touch $@

$(INSTALLED): $(BIN)/uv constraints.txt pyproject.toml
	@echo "Installing all extras and what the tests need ..."
	@$(UV) pip install --quiet --require-hashes -r constraints.txt
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

dist: $(BIN)/uv ## the release: a source archive, and the wheel that is built from it
	@rm -f $(DIST)/dlt_source_bookeo-*
	@$(UV) build --quiet --no-create-gitignore --require-hashes --build-constraints constraints.txt --out-dir $(DIST)
	@rm -rf dlt_source_bookeo.egg-info
	@ls $(DIST)/dlt_source_bookeo-*

sbom: dist $(INSTALLED) ## the release, and what it consists of as CycloneDX JSON
	@$(BIN)/python release/sbom.py $(DIST)

audit: $(INSTALLED) ## ask an advisory service about every version that is pinned
	@$(BIN)/python release/audit.py $(AUDIT)

matrix: $(BIN)/uv ## the tests with the lowest and with the newest versions that are allowed; MATRIX="newest tests/contracts" runs less
	@PYTEST_DEBUG_TEMPROOT=$(MEMORY) $(BIN)/python release/matrix.py $(MATRIX)

lock: $(BIN)/uv ## resolve the newest versions that pyproject.toml allows
	$(LOCK) --all-extras pyproject.toml --output-file constraints.txt
	echo uv | $(LOCK) - --output-file requirements-uv.txt
	echo airbyte-cdk | $(LOCK) - --output-file benchmarks/contenders/requirements-airbyte.txt
	echo 'singer-sdk[msgspec]' | $(LOCK) - --output-file benchmarks/contenders/requirements-singer.txt

clean:
	rm -rf $(VENV) .matrix benchmarks/.venvs build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis dlt_source_bookeo.egg-info
