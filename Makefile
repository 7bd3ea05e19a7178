# Two commands do everything: make run, make test. Both install what they need into .venv first.
PYTHON ?= python3
BIN := .venv/bin
ENGINES := 1.4 1.5

.PHONY: run test test-lake check serve bench lock clean

run: .venv/run.done
	$(BIN)/kpi57 demo --unless-used
	$(BIN)/kpi57 run

test: .venv/dev.done $(ENGINES:%=.venv/engines/duckdb-%)
	$(BIN)/python tests/browser.py  # finds or gets the browser of tests/test_site.py
	$(BIN)/python -m pytest -n auto --dist loadfile

check: .venv/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tests/audit.py

serve: .venv/run.done
	$(BIN)/kpi57 serve

# A folder of its own, versions and hashes from the lock.
.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run.done: .venv/bin/python requirements.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	-$(BIN)/python -m compileall -q -j 0 .venv/lib  # on all cores; pip compiles on one
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# What 'kpi57 portal' needs besides.
.venv/portal.done: .venv/run.done requirements-portal.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements-portal.lock
	@touch $@

# What several places and one builder need besides (docs/many-machines.md): PostgreSQL, Celery, Kubernetes.
.venv/places.done: .venv/run.done requirements-places.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements-places.lock
	@touch $@

.venv/dev.done: .venv/run.done requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements-dev.lock
	@touch $@

# The DuckDB that has DuckLake as a package, for 'kpi57 lake', in a folder of its own beside the project's.
.venv/lake.done: .venv/run.done requirements-lake.lock
	rm -rf .venv/engines/lake
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes --target .venv/engines/lake -r requirements-lake.lock
	@touch $@

# The S3 stand-in of 'make test-lake', in an environment of its own.
.venv/lake-test.done: .venv/dev.done .venv/lake.done .venv/places.done tests/lake/s3.lock
	$(PYTHON) -m venv .venv/engines/s3
	.venv/engines/s3/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r tests/lake/s3.lock
	@touch $@

# Publishing to a lake, with a PostgreSQL and an S3 stand-in of its own on loopback.
# Where there is no PostgreSQL it says in one line what to install, and does not fail.
test-lake: .venv/lake-test.done
	@if $(BIN)/python tests/lake/services.py; then $(BIN)/python -m pytest tests/lake; fi

# The older DuckDBs that must read what is published, each in a folder of its own beside the project's.
.venv/engines/duckdb-%: tests/engines/duckdb-%.lock .venv/bin/python
	rm -rf $@
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes --target $@ -r $<
	@touch $@

# Measurements against peers, whose packages only this target installs; each writes its part of docs/performance.md.
bench: .venv/bench.done
	$(BIN)/python -m benchmarks.reading
	$(BIN)/python -m benchmarks.daily --write
	$(BIN)/python -m benchmarks.check --write
	$(BIN)/python -m benchmarks.country --sizes $(SIZES) --write
	$(BIN)/python -m benchmarks.history --months $(MONTHS) --write
SIZES ?= 114x12,114x60,114x240,830x240
MONTHS ?= 12,60

.venv/bench.done: .venv/run.done requirements-bench.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

# Made without index addresses; needs uv.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras \
	    pyproject.toml --group build -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras \
	    pyproject.toml --extra plans --extra portal --extra places --group dev -c requirements.lock -o requirements-dev.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras \
	    pyproject.toml --extra portal -c requirements-dev.lock -o requirements-portal.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras \
	    pyproject.toml --extra places --extra k8s -c requirements-dev.lock -o requirements-places.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras \
	    --group bench -c requirements.lock -o requirements-bench.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras \
	    --group lake -o requirements-lake.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras \
	    --group lake-test -o tests/lake/s3.lock
	for engine in $(ENGINES); do echo "duckdb==$$engine.*" | \
	    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header - \
	    -o tests/engines/duckdb-$$engine.lock; done

clean:
	rm -rf .venv
