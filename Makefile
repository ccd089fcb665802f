# Thin names for what a person types; the work is in ci/ and setup.py.
#
#   make run ARGS="--duration 30"     PYTHON=python3.13 chooses the interpreter     VENV=.venv313 keeps another one beside

.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV ?= .venv
export VENV
ifdef PYTHON
    MAKE_VENV := PYTHON="$(PYTHON)" ci/venv.sh
else
    MAKE_VENV := ci/venv.sh
endif
BIN = $(VENV)/bin
ARGS ?=
# The scripts of ci/ get the environment's interpreter, not the one it was made from.
IN_VENV = PYTHON="$(abspath $(BIN))/python"

.PHONY: help run dev build test check clean image
.PHONY: bench bench-db bench-gate bench-peers
.PHONY: lint docs coverage differential
.PHONY: tsan asan leak fuzz model
.PHONY: soak failover
.PHONY: simulate simulate-adapters

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## build what changed and start the bot on paper; ARGS="..." are passed on
	@$(MAKE_VENV) run
	@$(BIN)/python ci/compile_core.py --to-run
	@exec $(BIN)/bot4 run $(ARGS)

dev:
	@$(MAKE_VENV) dev

build: dev ## compile the core for tests and benchmarks
	@$(BIN)/python ci/compile_core.py

test: build ## all tests; ARGS="tests/unit -k book" runs a part
	@$(IN_VENV) ci/test.sh $(ARGS)

check: build ## every gate that judges sources: lint, imports, determinism, docs, workflow
	@$(IN_VENV) ci/check.sh

lint: build ## ruff, mypy --strict, stubs, cython-lint
	@$(IN_VENV) ci/lint.sh

docs: build ## documentation against the code, its examples and its links
	@$(BIN)/python ci/docs_gate.py

bench: build ## kernels against their references, interleaved; ARGS="book" runs a part
	@$(BIN)/python bench/harness.py $(ARGS)

bench-gate: build ## benchmarks and instruction counts against the committed baselines; ARGS=--update rewrites them
	@$(BIN)/python ci/bench_gate.py $(ARGS)

bench-peers: build ## backtests beside hftbacktest and nautilus_trader, in an environment of their own
	@$(BIN)/python bench/peers/run.py $(ARGS)

bench-db: build ## a private PostgreSQL filled with ROWS trades: rows a second, answers in ms, query plans
	@$(BIN)/python bench/storage/queries.py --rows $(or $(ROWS),100000000)

coverage: build ## tests, some over a traced copy: lines of .py and .pyx, branches of .py
	@$(IN_VENV) ci/coverage.sh $(ARGS)

tsan: dev ## core tests under ThreadSanitizer
	@$(IN_VENV) ci/sanitize.sh thread

asan: dev ## core tests under AddressSanitizer and UBSan
	@$(IN_VENV) ci/sanitize.sh address

leak: dev ## core tests under LeakSanitizer
	@$(IN_VENV) ci/sanitize.sh leak

differential: build ## the exchange against its plain twin over a million random requests
	@$(BIN)/python ci/differential.py $(ARGS)

fuzz: dev ## the scanner under libFuzzer; SECONDS_TO_FUZZ=600
	@$(IN_VENV) ci/fuzz.sh $(or $(SECONDS_TO_FUZZ),60)

soak: build ## kill a live run KILLS times while its orders are out, and count at the exchange's own ledger
	@$(BIN)/python ci/soak.py --kills $(or $(KILLS),200) --lanes $(or $(LANES),3) --seed $(or $(SEED),1)

soak-memory: build ## let a live run trade for MINUTES and judge memory, descriptors and threads
	@$(BIN)/python ci/soak_memory.py --minutes $(or $(MINUTES),60) --seed $(or $(SEED),1)

failover: build ## have leaders fail RUNS times in six ways, and count at their exchange's own ledger
	@$(BIN)/python ci/failover.py --runs $(or $(RUNS),10) --seed $(or $(SEED),1)

simulate: build ## the core in SEEDS worlds of EVENTS events with every fault on; SEED=17 lives one again
	@$(BIN)/python ci/simulate.py --seeds $(or $(SEEDS),1000) --events $(or $(EVENTS),10000) $(if $(SEED),--seed $(SEED))

simulate-adapters: build ## Binance's adapters in SEEDS worlds of virtual time, every fault on; SEED=17 lives one again
	@$(BIN)/python ci/simulate.py --adapters --seeds $(or $(SEEDS),200) $(if $(SEED),--seed $(SEED))

model: dev ## the rings under the model checker
	@$(IN_VENV) ci/model.sh

image: ## the container image, where docker is
	docker build -t bot4 .

clean: ## everything that was built; settings and recorded state stay
	rm -rf build dist *.egg-info .venv* .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks .bot4-build-mode
	find bot4 bench tests \( -name '*.so' -o -name '__pycache__' \) -prune -exec rm -rf {} +
	find bot4 -name '*.pyx' | while read -r f; do rm -f "$${f%.pyx}.c" "$${f%.pyx}.html"; done
