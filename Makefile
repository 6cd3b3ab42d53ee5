# Everything below installs what it needs first; scripts/bootstrap.sh is quick when nothing is missing.

WATCH ?= recordings
MODEL ?= packaged:base
TORCH ?= auto
PYTEST_ARGS ?=
FUZZ_ARGS ?=
BENCH_ARGS ?=
DESTDIR ?=
PREFIX ?= /usr
export WATCH MODEL TORCH DESTDIR PREFIX

VENV := .venv/bin

.PHONY: help run test fuzz bench check fmt install uninstall clean

help:  ## list the targets (the default)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  WATCH=DIR      the folder that 'make run' watches ($(WATCH))"
	@echo "  MODEL=ID       a Hub id, a folder, packaged:base or packaged:tiny.en ($(MODEL))"
	@echo "  TORCH=BUILD    auto, cpu, cuda, rocm, or a build by PyTorch's own name, such as cu126 ($(TORCH))"
	@echo "  DESTDIR=DIR    the folder that stands for / when a package is made ($(DESTDIR))"
	@echo "  PREFIX=DIR     where a package has its program, in bin/watcherd ($(PREFIX))"
	@echo "  PYTHON=PATH    the Python (3.11 or newer) that .venv is made with"

run:  ## install what is missing, then transcribe what is and what appears in WATCH, until Ctrl-C
	@scripts/bootstrap.sh run
	@exec $(VENV)/watcherd run --watch "$$WATCH" --model "$$MODEL"

test:  ## install what is missing, then run all tests
	@scripts/bootstrap.sh dev
	@$(VENV)/pytest $(PYTEST_ARGS)

fuzz:  ## kill the daemon 200 times while its folder changes, then look whether a promise was broken (FUZZ_ARGS)
	@scripts/bootstrap.sh dev
	@$(VENV)/python -m tests.fuzz.run $(FUZZ_ARGS)

bench:  ## measure watcherd beside its peers on one tape, about 10 minutes (BENCH_ARGS; bench/README.md has the others)
	@scripts/bootstrap.sh dev
	@$(VENV)/python -m bench.recognition $(BENCH_ARGS)

check:  ## lint, formatting, types and the direction of imports
	@scripts/bootstrap.sh dev
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy
	$(VENV)/lint-imports

fmt:  ## format the code and repair what ruff can repair
	@scripts/bootstrap.sh dev
	$(VENV)/ruff check --fix
	$(VENV)/ruff format

install:  ## for packagers: units, users, catalog and documents to where a distribution has them (DESTDIR, PREFIX)
	@scripts/package.sh install

uninstall:  ## take those files back
	@scripts/package.sh uninstall

clean:  ## remove the virtual environment and every cache; recordings and transcripts stay
	rm -rf .venv build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -f watcherd/engine/_compiled.*.so
	find watcherd tests bench -name __pycache__ -prune -exec rm -rf {} +
