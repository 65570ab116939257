# make book   sets up and runs the whole study, from data to rendered book
# make test   sets up and tests
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PARAMS ?=
export OMP_NUM_THREADS ?= 1
# Large blocks from huge pages: a small model's step is 1.4 times faster on a CPU.
export THP_MEM_ALLOC_ENABLE ?= 1
export TOKENIZERS_PARALLELISM = false

.DEFAULT_GOAL := help
.PHONY: book test lint chapter clean help lock

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@# Debian's pip 23.0 cannot build what is shipped as source only
	$(BIN)/python -m pip install -q --disable-pip-version-check --upgrade 'pip>=24'
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

book: $(VENV)/.ready  ## Run every chapter and build the book; prints the path to open
	$(BIN)/python book/build.py

chapter: $(VENV)/.ready  ## Run one chapter: make chapter CHAPTER=zero_shot PARAMS="-p seed 1"
	@test -n "$(CHAPTER)" || { echo 'name one: make chapter CHAPTER=zero_shot PARAMS="-p seed 1"'; exit 2; }
	$(BIN)/python book/build.py --chapter "$(CHAPTER)" -- $(PARAMS)

test: $(VENV)/.ready  ## Run the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.ready  ## Check style and types
	$(BIN)/ruff check lib tests book benchmarks
	$(BIN)/ruff format --check lib tests book benchmarks
	$(BIN)/mypy

lock: $(VENV)/.ready  ## Write requirements.lock from the environment
	$(BIN)/python -m pip freeze --all --exclude-editable | grep -v '^pip==' | sed 's/+cpu$$//' > requirements.lock

clean:  ## Remove what was built; results of finished cells too
	rm -rf _build

help:  ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
