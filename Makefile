# One command per verb. Each makes its own .venv, so a fresh checkout needs Python 3.11+ and nothing else.
#   make demo [ARGS=--once]   run the demo on a third of a million real flights
#   make test                 the tests (make test-faults: the long ones that kill processes)
#   make check                lint, types, import contracts, schema and client models up to date
#   make bench                measure
#   make fix | schema | client   mend formatting | print schema.graphql | generate the client's models

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

.PHONY: demo test test-faults check bench fix schema client clean

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Partita and what it needs into $(VENV) (first time: about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@$(BIN)/python -m compileall -q server client_tui || true
	@touch $@

demo: $(STAMP)
	@$(BIN)/partita demo $(ARGS)

test: $(STAMP)
	@$(BIN)/python -m pytest -m "not faults and not bench" -n 2 --dist loadfile $(ARGS)

test-faults: $(STAMP)
	@$(BIN)/python -m pytest -m "faults" $(ARGS)

check: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/partita schema | diff -u schema.graphql - || (echo "schema.graphql differs from the code: run 'make schema client'" && exit 1)
	@$(BIN)/python -m codegen --check

bench: $(STAMP)
	@PYTHONPATH=tests $(BIN)/python -m benchmarks $(ARGS)

fix: $(STAMP)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

schema: $(STAMP)
	@$(BIN)/partita schema > schema.graphql.new && mv schema.graphql.new schema.graphql

client: $(STAMP)
	@$(BIN)/python -m codegen

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
