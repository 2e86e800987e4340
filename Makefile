# Each target sets up what it needs, straight from a clean clone.
# Python 3.11 or newer with venv is the one thing this expects: PYTHON=… names another.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
SWIFT := .venv-swift

.PHONY: setup swift server demo test check format bench soak docs lock icons clean

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

server:  # the same where it can be had; without it, the tests that need it are skipped
	@$(MAKE) --no-print-directory swift || echo "No S3 server here: its tests are skipped. To try again: make swift" >&2

demo: $(STAMP)  ## an illustrated tutorial in demo.html, without any key
	$(BIN)/limner ask "Teach me to brew green tea in five illustrated steps" -o demo.html

test: $(STAMP) server  ## every test that takes less than ten seconds
	$(BIN)/python -m pytest

check: $(STAMP) server  ## what CI runs: format, lint, types, tests, examples
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

format: $(STAMP)  ## mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)  ## how long a turn takes beside its pictures
	$(BIN)/python benchmarks/turns.py

soak: $(STAMP) server  ## the long tests: kills, power cuts, many examples
	$(BIN)/python -m pytest -m soak

icons: $(STAMP)  ## build the painter's icons anew from the published packages
	$(BIN)/python scripts/build_icons.py

docs: $(STAMP)  ## run what the pages and the examples tell people to do
	$(BIN)/python -m pytest tests/test_docs.py tests/test_examples.py tests/test_reference.py

lock:  ## resolve requirements.lock anew; needs uv
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	    --python-version 3.11 --all-extras --group dev --no-emit-package limner pyproject.toml -o requirements.lock
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	    --python-version 3.11 --group pyproject.toml:swift -o tests/s3/swift.lock

clean:
	rm -rf $(VENV) $(SWIFT) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis demo.html limner-images
