# Every target sets up what it needs: a virtual environment from constraints.txt (pins with hashes), and for the tests
# the foreign mail programs that interop runs against.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# For every save: what a message passes through, its dialogues, what reads the configuration, and the architecture.
QUICK := $(addprefix tests/unit/,smtp mail m365 obs listener spool routes delivery config clients test_architecture.py \
	test_units.py) tests/transcripts tests/badconfig
# The suites that the compiled build passes too.
COMPILED := tests/transcripts tests/contract tests/property tests/crash tests/interop tests/unit/smtp tests/unit/listener \
	tests/unit/spool tests/unit/delivery tests/unit/routes tests/unit/mail tests/unit/obs

.DEFAULT_GOAL := help
.PHONY: help demo check test full bench docs clean

help:
	@echo 'make demo    the main job: a tenant in a box after the cut-off, legacy clients, the gateway; one table'
	@echo 'make test    every suite (crash, interop and more in their short form); what CI runs'
	@echo 'make check   lint, types, import layers, units of the mail path, transcripts; for every save'
	@echo 'make full    the long forms: more kills, longer fuzzing, more examples'
	@echo 'make bench   speed and memory against Postfix, Haraka and aiosmtpd in one run (about 25 minutes)'
	@echo 'make docs    write the generated part of docs/reference again'

$(READY): constraints.txt pyproject.toml tools/setup.sh
	sh tools/setup.sh $(PYTHON) $(VENV)
	touch $@

demo: $(READY)
	$(BIN)/mailferry demo

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -n 2 $(QUICK)

test: $(READY)
	sh tools/foreign.sh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --require-tools

full: $(READY)
	sh tools/foreign.sh --full
	MAILFERRY_LONG=1 $(BIN)/python -m pytest -n 2 --require-tools --long
	sh tools/compiled.sh $(BIN) .compiled
	PYTHONPATH=$(CURDIR)/.compiled $(BIN)/python -m pytest -n 2 -o pythonpath=tests $(COMPILED)
	$(BIN)/python tools/fuzz.py --minutes $${FUZZ_MINUTES:-60}

bench: $(READY)
	sh tools/foreign.sh --bench
	sh tools/compiled.sh $(BIN) .compiled
	PYTHONPATH=$(CURDIR)/.compiled $(BIN)/python -m bench $(BENCH)

docs: $(READY)
	$(BIN)/python tools/docs.py

clean:
	rm -rf $(VENV) .compiled .deps .kept .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
