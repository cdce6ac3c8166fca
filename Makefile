PYTHON ?= python3
VENV ?= .venv
export TF_CPP_MIN_LOG_LEVEL ?= 2

demo: $(VENV)/demo
	$(VENV)/bin/keras-classics train lenet5 --data=digits --epochs=80 --distortions

test: $(VENV)/test
	$(VENV)/bin/python -m pytest --numprocesses=auto --dist=worksteal

lint: $(VENV)/test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/pip install --quiet --editable ".[digits,plots,tensorflow]"
	touch $@

$(VENV)/test: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/pip install --quiet --editable ".[test]"
	touch $@

.PHONY: demo test lint
