# Everything that is done to this tree. `make help` lists it; every target does its own set-up, once.

PYTHON ?= python3
VENV ?= .venv
VERSIONS ?= 3.11 3.12 3.13
CONFIG ?= examples/demo.toml
WORKERS ?= auto
ARGS ?=
KEEP ?=
OTHERS ?=
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 600
CHAOS_ROUNDS ?= 1000
CHAOS_SEED ?=

BIN := $(VENV)/bin
# -qq keeps pip's warnings about the machine's own settings off the screen; its errors still show.
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
INSTALL = $(PIP) install -c constraints.txt --build-constraint constraints.txt

CREATED := $(VENV)/.created
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
FUZZING := $(VENV)/.fuzzing

.DEFAULT_GOAL := all
.PHONY: all help demo simulate run test acceptance test-all pythons chaos soak hostile fuzz fuzz-run check format lock clean

all: check test  ## check and test (what a bare `make` does)

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

demo: $(RUNTIME)  ## the main job, from bind to receipts; KEEP=1 leaves simulator and daemon running
	@$(BIN)/smpp-esme demo $(if $(filter-out 0,$(KEEP)),--keep)

simulate: $(RUNTIME)  ## an SMSC to try things with, on port 2775
	@$(BIN)/smpp-esme simulate --account demo:secret --profile smsc-centre

run: $(RUNTIME)  ## the daemon on CONFIG (examples/demo.toml)
	@$(BIN)/smpp-esme run -c $(CONFIG)

test: $(DEVELOPMENT)  ## all tests, in parallel; ARGS="-k receipt" is handed to pytest
	@$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 $(ARGS)

acceptance: $(DEVELOPMENT)  ## only the tests that start and kill real processes
	@$(BIN)/python -m pytest -m acceptance $(ARGS)

hostile: $(DEVELOPMENT)  ## hostile octets, 100,000 inputs that hypothesis makes up for each test of them
	@HYPOTHESIS_PROFILE=hostile $(BIN)/python -m pytest -n $(WORKERS) --timeout 3600 tests/fuzz $(ARGS)

chaos: $(DEVELOPMENT)  ## CHAOS_ROUNDS (1000) faults in real processes on each database; CHAOS_SEED repeats a run
	@CHAOS_ROUNDS=$(CHAOS_ROUNDS) CHAOS_SEED=$(CHAOS_SEED) $(BIN)/python -m pytest -n 2 -rP tests/chaos $(ARGS)

soak: $(DEVELOPMENT)  ## the client at 5,000 messages a second over a network that misbehaves, for SOAK_SECONDS (600)
	@$(BIN)/python -m benchmarks.soak --seconds $(SOAK_SECONDS) $(ARGS)

# atheris is large and nothing else needs it, so it has an environment to itself.
fuzz:  ## hostile octets, chosen by coverage, for FUZZ_SECONDS (60); what is found is kept in build/fuzz
	@$(MAKE) --no-print-directory fuzz-run VENV=.venv-fuzz

fuzz-run: $(FUZZING)
	@mkdir -p build/fuzz
	@$(BIN)/python tests/fuzz/fuzz_protocol.py $(if $(ARGS),$(ARGS),--corpus build/fuzz/corpus \
	    -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix=build/fuzz/)

check: $(DEVELOPMENT)  ## formatting, lint, types, import contracts, spelling
	@echo "ruff format --check"; $(BIN)/ruff format --check --quiet .
	@echo "ruff check"; $(BIN)/ruff check --quiet .
	@echo "mypy --strict"; $(BIN)/mypy --strict
	@echo "lint-imports"; $(BIN)/lint-imports --no-logo
	@echo "codespell"; $(BIN)/codespell

format: $(DEVELOPMENT)  ## let ruff format, and mend what it can
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

clean:  ## remove everything that these targets made, the demo's database included
	rm -rf .venv .venv-* build dist demo-data .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up: the stamps make the second `make` cost nothing ---

# Written for any Python there is: on one too old to run us it still has to say so.
define CHECK_PYTHON
import sys
if sys.version_info < (3, 11):
    sys.exit("smpp-esme needs Python 3.11 or newer, and %s is %d.%d. Name another: make ... PYTHON=python3.12" % (("$(PYTHON)",) + tuple(sys.version_info[:2])))
try:
    import ensurepip, venv
except ImportError:
    sys.exit("$(PYTHON) has no venv module with pip in it. On Debian and Ubuntu: apt install python3-venv")
endef
export CHECK_PYTHON

$(CREATED):
	@command -v "$(PYTHON)" >/dev/null || { \
	    echo "There is no $(PYTHON). smpp-esme needs Python 3.11 or newer: make ... PYTHON=/path/to/python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c "$$CHECK_PYTHON"
	@echo "Setting up $(VENV), once; it takes a minute or so."
	@"$(PYTHON)" -m venv $(VENV)
	@touch $@

# The pip that comes with Python 3.11 knows neither --group nor --build-constraint, so it first replaces itself.
$(RUNTIME): $(CREATED) pyproject.toml constraints.txt
	@$(PIP) install -c constraints.txt pip
	@$(INSTALL) -e '.[all]'
	@touch $@

$(DEVELOPMENT): $(RUNTIME)
	@$(INSTALL) --group dev
	@touch $@

$(FUZZING): $(RUNTIME)
	@$(INSTALL) --group fuzz
	@touch $@

# --- the newest of everything, written down; on the oldest Python, so that it holds on all of them ---

lock:  ## write constraints.txt anew, from the newest versions that pyproject.toml allows
	@"$(PYTHON)" -c "$$CHECK_PYTHON"
	@rm -rf .venv-lock && "$(PYTHON)" -m venv .venv-lock
	@.venv-lock/bin/python -m pip --disable-pip-version-check -qq install --upgrade pip
	@.venv-lock/bin/python -m pip --disable-pip-version-check -qq install --group dev -e '.[all]'
	@{ echo "# Exact versions of all that is installed here. \`make lock\` writes this file."; \
	    .venv-lock/bin/python -m pip --disable-pip-version-check -qq freeze --all --exclude-editable \
	    | grep -v '^setuptools==' | LC_ALL=C sort -f; } > constraints.txt.new
	@if grep -q '[@/]' constraints.txt.new; then \
	    echo "An address got into constraints.txt.new; constraints.txt is as it was." >&2; exit 1; fi
	@mv constraints.txt.new constraints.txt && rm -rf .venv-lock

# --- every Python that is installed: on PATH, or kept by pyenv ---

# A name on PATH proves nothing (pyenv's shims stand there for versions that do not run), so each is asked to run.
define FIND_PYTHON
serves() {
    "$$1" -c "import sys, venv, ensurepip; sys.exit((sys.implementation.name, '%d.%d' % sys.version_info[:2]) != ('cpython', '$$2'))" >/dev/null 2>&1
}
interpreter() (
    IFS=:
    for folder in $$PATH; do
        serves "$$folder/python$$1" "$$1" && echo "$$folder/python$$1" && exit 0
    done
    for candidate in "$$(pyenv root 2>/dev/null || echo "$$HOME/.pyenv")/versions/$$1".*/bin/python; do
        serves "$$candidate" "$$1" && echo "$$candidate" && exit 0
    done
    exit 1
)
endef
export FIND_PYTHON

define LIST_PYTHONS
for version in $(VERSIONS); do
    echo "CPython $$version: $$(interpreter $$version || echo 'not installed')"
done
endef
export LIST_PYTHONS

# Each version has its own environment, but for the one that .venv was made with.
define TEST_ALL
own=$$($(BIN)/python -c "import sys; print('%d.%d' % sys.version_info[:2])")
failed=
summary=
for version in $(VERSIONS); do
    if [ "$$version" = "$$own" ]; then
        python="$(PYTHON)" environment="$(VENV)"
    elif python=$$(interpreter "$$version"); then
        environment=".venv-$$version"
    else
        summary="$$summary$$version not installed; "
        continue
    fi
    if [ "$$version" = "$$own" ] && [ -n "$(filter-out 0,$(OTHERS))" ]; then
        summary="$$summary$$version left to make test; "
        continue
    fi
    echo "CPython $$version ($$python), in $$environment"
    if $$RECURSE test PYTHON="$$python" VENV="$$environment"; then
        summary="$$summary$$version passed; "
    else
        summary="$$summary$$version FAILED; " failed=yes
    fi
done
echo "CPython $${summary%; }"
[ -z "$$failed" ]
endef
export TEST_ALL

pythons:  ## which of VERSIONS are installed, and where
	@eval "$$FIND_PYTHON"; eval "$$LIST_PYTHONS"

test-all: $(DEVELOPMENT)  ## the tests on every CPython of VERSIONS that is installed; OTHERS=1 leaves out that of `make test`
	@eval "$$FIND_PYTHON"; eval "$$LIST_PYTHONS"
	@RECURSE="$(MAKE) --no-print-directory"; eval "$$FIND_PYTHON"; eval "$$TEST_ALL"
