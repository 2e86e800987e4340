# Each target sets up what it needs, straight from a clean clone.
# Python 3.11 or newer with venv is the one thing this expects: PYTHON=… names another.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
SWIFT := .venv-swift
CLIENTS := .clients
BENCH := .bench
# How many tests run at the same time; a file's own run one after the other.
WORKERS ?= auto
CLIENT_LOCKS := $(wildcard tests/clients/*.lock)
BENCH_LOCKS := $(wildcard benchmarks/environments/*.lock)
SOURCES := $(shell find src -type f -not -name "*.pyc")
# The clients from npm need Node 22; where the machine's own is older, one from npm is installed beside them.
NODE_IS_OLD = ! node -e 'process.exit(process.versions.node.split(".")[0] < 22 ? 1 : 0)' 2>/dev/null

.PHONY: setup swift clients surroundings demo test check format bench bench-service bench-environments soak docs lock icons clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Limner needs Python 3.11 or newer: make PYTHON=python3.12 …" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(STAMP)

swift: $(SWIFT)/.ready  ## an S3 server for the tests, in an environment of its own

$(SWIFT)/.ready: tests/s3/swift.lock
	rm -rf $(SWIFT)
	$(PYTHON) -m venv $(SWIFT)
	$(SWIFT)/bin/python -m pip install --quiet --require-hashes -r tests/s3/swift.lock
	@touch $@

clients: $(CLIENT_LOCKS:tests/clients/%.lock=$(CLIENTS)/%/.ready) tests/clients/node_modules/.ready  ## other people's clients for the tests, each in an environment of its own

$(CLIENTS)/%/.ready: tests/clients/%.lock | $(STAMP)
	rm -rf $(@D)
	$(PYTHON) -m venv --without-pip $(@D)
	$(BIN)/python -m pip --python $(@D)/bin/python install --quiet --require-hashes -r $<
	@touch $@

tests/clients/node_modules/.ready: tests/clients/package.json tests/clients/package-lock.json
	cd tests/clients && if $(NODE_IS_OLD); then npm ci --loglevel=error; else npm ci --loglevel=error --omit=optional; fi
	@touch $@

surroundings:  # what can be had of these; the tests that need the rest are skipped
	@$(MAKE) --no-print-directory swift || echo "No S3 server here: its tests are skipped. To try again: make swift" >&2
	@$(MAKE) --no-print-directory --keep-going clients || echo "Some clients are not here: their tests are skipped. To try again: make clients" >&2

demo: $(STAMP)  ## an illustrated tutorial in demo.html, without any key
	$(BIN)/limner ask "Teach me to brew green tea in five illustrated steps" -o demo.html

test: $(STAMP) surroundings  ## every test that takes less than ten seconds
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

check: $(STAMP) surroundings  ## what CI runs: format, lint, types, tests, examples
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

format: $(STAMP)  ## mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)  ## Limner beside its peers, in less than three minutes; FULL=1 for all of it, as in the documentation
	@$(MAKE) --no-print-directory --keep-going bench-environments || echo "Some contestants are not here: they are left out. To try again: make bench-environments" >&2
	$(BIN)/python -m benchmarks $(if $(FULL),--full --publish)

bench-service: $(STAMP)  ## what the service does by itself: turns with pictures, a thousand streams, overload
	$(BIN)/python benchmarks/chats.py
	$(BIN)/python -m benchmarks.gateways.alone
	$(BIN)/python -m benchmarks.overload

bench-environments: $(BENCH_LOCKS:benchmarks/environments/%.lock=$(BENCH)/%/.ready)  ## what the benchmark compares, each in an environment of its own

$(BENCH)/%/.ready: benchmarks/environments/%.lock | $(STAMP)
	rm -rf $(@D)
	$(PYTHON) -m venv --without-pip $(@D)
	$(BIN)/python -m pip --python $(@D)/bin/python install --quiet --require-hashes -r $<
	@touch $@

$(BENCH)/limner/.locked: benchmarks/environments/limner.lock | $(STAMP)
	rm -rf $(@D)
	$(PYTHON) -m venv --without-pip $(@D)
	$(BIN)/python -m pip --python $(@D)/bin/python install --quiet --require-hashes -r $<
	@touch $@

# As a wheel, as people install it: its size and the time of its import are measured.
$(BENCH)/limner/.ready: $(BENCH)/limner/.locked pyproject.toml $(SOURCES)
	rm -rf $(BENCH)/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir $(BENCH)/wheel .
	$(BIN)/python -m pip --python $(@D)/bin/python install --quiet --no-deps --force-reinstall $(BENCH)/wheel/*.whl
	@touch $@

soak: $(STAMP) surroundings  ## the long tests: kills, power cuts, many examples
	$(BIN)/python -m pytest -m soak

icons: $(STAMP)  ## build the painter's icons anew from the published packages
	$(BIN)/python scripts/build_icons.py

docs: $(STAMP)  ## run what the pages and the examples tell people to do
	$(BIN)/python -m pytest tests/test_docs.py tests/test_examples.py tests/test_reference.py

lock:  ## resolve what is locked anew; needs uv and npm
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	    --python-version 3.11 --all-extras --group dev --no-emit-package limner pyproject.toml -o requirements.lock
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	    --python-version 3.11 --group pyproject.toml:swift -o tests/s3/swift.lock
	for client in $(CLIENT_LOCKS:tests/clients/%.lock=%); do \
	    uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	        --python-version 3.11 --group pyproject.toml:$$client -o tests/clients/$$client.lock || exit 1; \
	done
	for name in $(filter-out limner,$(BENCH_LOCKS:benchmarks/environments/%.lock=%)); do \
	    uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	        --python-version 3.11 --group pyproject.toml:bench-$$name -o benchmarks/environments/$$name.lock || exit 1; \
	done
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	    --python-version 3.11 --no-emit-package limner pyproject.toml -o benchmarks/environments/limner.lock
	cd tests/clients && npm install --package-lock-only

clean:
	rm -rf $(VENV) $(SWIFT) $(CLIENTS) $(BENCH) tests/clients/node_modules build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis demo.html limner-images
