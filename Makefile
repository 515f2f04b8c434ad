# Two commands matter: `make serve` and `make test`. Everything they need is made on the first run, and never again.

CONFIG ?= configs/local.yaml
TORCH_INDEX := https://download.pytorch.org/whl/cpu
PYTHON := $(shell for p in python3.11 python3; do command -v $$p > /dev/null 2>&1 \
  && $$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' && echo $$p && break; done)
BIN := .venv/bin
RIVALS := .leanserve/bench-venv
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --no-deps --progress-bar on
CODE := app deployments tests
ALONE := serve or e2e

.DEFAULT_GOAL := help
.PHONY: help setup serve test lint format models bench-hops bench-cache bench-route bench-budget bench-records clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/installed ## the virtual environment with the pinned requirements

serve: setup ## serve CONFIG (configs/local.yaml) on this machine until Ctrl-C
	@exec $(BIN)/leanserve up $(CONFIG)

# graphs need the machine for themselves: those tests come after the others, one by one
test: export PYTHONDONTWRITEBYTECODE := # a hundred processes import the same files: they are compiled once
test: setup lint models ## lint, then every test
	@$(BIN)/python -m pytest -m 'not ($(ALONE))' --numprocesses 2 --dist loadfile; others=$$?; \
	  $(BIN)/python -m pytest -m '$(ALONE)' tests/serve tests/e2e && exit $$others

lint: setup ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## let ruff format and fix what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

models: setup ## fetch the models, check their hashes, convert them; once
	@$(BIN)/leanserve models pull

bench-hops: setup models ## measure what LeanServe adds to a request, side by side with Ray Serve and vLLM
	$(BIN)/python -m tests.benchmarks.hops

bench-cache: setup $(RIVALS)/installed ## measure the cache beside GPTCache and RedisVL; BENCH="--only growth --sizes 5000 10000" for less
	$(BIN)/python -m tests.benchmarks.cache $(BENCH)

bench-route: setup ## measure the router's time, and its worth beside mixes by lot; BENCH="--only decision" for less
	$(BIN)/python -m tests.benchmarks.route $(BENCH)

bench-budget: setup models ## prove the hard limits on a whole graph, and measure what they cost; BENCH="--only path" for less
	$(BIN)/python -m tests.benchmarks.budget $(BENCH)

bench-records: setup ## the ledger beside engines, spans and metrics, what watching costs, what a recorder keeps; BENCH="--only memory" for less
	$(BIN)/python -m tests.benchmarks.records $(BENCH)

clean: ## remove the virtual environment and caches; models and data in .leanserve stay
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/made:
	@test -n "$(PYTHON)" || { echo "LeanServe needs Python 3.11: neither python3.11 nor python3 is one"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@touch $@

# torch first: the build for CPUs is on PyTorch's own index where the machine's sources lack it
.venv/installed: .venv/made requirements.txt requirements-dev.txt pyproject.toml
	@torch=$$(grep '^torch==' requirements.txt) \
	  && { $(PIP_INSTALL) "$$torch" || $(PIP_INSTALL) --extra-index-url $(TORCH_INDEX) "$$torch"; }
	$(PIP_INSTALL) -r requirements.txt -r requirements-dev.txt
	$(PIP_INSTALL) --no-build-isolation --editable .
	@touch $@

# it sees the main environment: all caches run on the same torch and the same model
$(RIVALS)/installed: .venv/installed requirements-bench.txt
	$(BIN)/python -m venv --clear $(RIVALS)
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > $(RIVALS)/lib/python3.11/site-packages/main.pth
	$(RIVALS)/bin/python -m pip install --disable-pip-version-check --no-deps --progress-bar on -r requirements-bench.txt
	@touch $@
