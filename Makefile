# make demo: the page on http://127.0.0.1:5001.   make test: everything a laptop can check.
PYTHON ?= python3
ARGS ?=
APP := .venv
TEST := .venv-test
SOURCES := demo.py tabs bridges environments TalkingGaussian CosyVoice benchmarks tests

.PHONY: demo test lint types format clean

demo: $(APP)/ready
	$(APP)/bin/python demo.py $(ARGS)

$(APP)/ready: requirements.txt
	$(PYTHON) -m venv $(APP)
	$(APP)/bin/python -m pip install --disable-pip-version-check -q -r requirements.txt
	touch $@

$(TEST)/ready: requirements.txt tests/requirements.txt environments/talking_gaussian/requirements.txt
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/python -m pip install --disable-pip-version-check -q -r tests/requirements.txt
	touch $@

# threads that spin while they wait make small tests many times slower on a busy machine
test: lint types
	OMP_WAIT_POLICY=passive OPENBLAS_NUM_THREADS=1 $(TEST)/bin/python -m pytest

lint: $(TEST)/ready
	$(TEST)/bin/ruff check $(SOURCES)
	$(TEST)/bin/ruff format --check $(SOURCES)

types: $(TEST)/ready
	$(TEST)/bin/mypy

format: $(TEST)/ready
	$(TEST)/bin/ruff check --fix $(SOURCES)
	$(TEST)/bin/ruff format $(SOURCES)

clean:
	rm -rf $(APP) $(TEST)
