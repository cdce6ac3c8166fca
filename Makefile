PYTHON ?= python3
VENV ?= .venv
PYTEST = $(VENV)/bin/python -m pytest --numprocesses=auto --dist=worksteal
# What the backend computes. All else is tested on TensorFlow alone.
ON_EACH = analysis/test_attribution.py applications/test_contract.py \
	applications/test_cuda_convnet.py datasets layers optimizers preprocessing surgery training \
	weights/test_trained.py test_activations.py test_backend.py test_initializers.py test_losses.py
# Keras's OpenVINO backend only predicts.
ON_OPENVINO = applications/test_contract.py layers serving surgery/test_fuse.py
export TF_CPP_MIN_LOG_LEVEL ?= 2

demo: $(VENV)/demo
	$(VENV)/bin/keras-classics train lenet5 --data=digits --epochs=80 --distortions

# All but the slow ones on TensorFlow.
test: test-tensorflow

test-all: test test-torch test-openvino test-jax test-slow

# OpenVINO has threads and kernels of its own: in a process of its own, as its users have it.
test-tensorflow: $(VENV)/test
	KERAS_BACKEND=tensorflow $(PYTEST) -m "not slow" --ignore=tests/serving
	KERAS_BACKEND=tensorflow $(PYTEST) -m "not slow" tests/serving

test-slow: $(VENV)/test
	KERAS_BACKEND=tensorflow $(PYTEST) -m slow --ignore=tests/serving
	KERAS_BACKEND=tensorflow $(PYTEST) -m slow tests/serving

test-jax test-torch: test-%: $(VENV)/test
	@if $(VENV)/bin/python -c "import importlib.util as i; exit(not i.find_spec('$*'))"; then \
		set -x; KERAS_BACKEND=$* $(PYTEST) -m "not slow" $(addprefix tests/,$(ON_EACH)); \
	else \
		echo "$* is not installed: its tests are skipped."; \
	fi

test-openvino: $(VENV)/test
	KERAS_BACKEND=openvino $(PYTEST) -m "not slow" $(addprefix tests/,$(ON_OPENVINO))

lint: $(VENV)/test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# The wheel of the sdist, and the demo, shorter, by its command in an environment of its own.
wheel: $(VENV)/test
	rm -rf dist build/wheel
	$(VENV)/bin/python -m build
	$(VENV)/bin/twine check --strict dist/*
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/pip install --quiet "$$(echo dist/*.whl)[digits,plots,tensorflow]"
	cd build/wheel && bin/keras-classics train lenet5 --data=digits --epochs=2 --distortions

# The documents as pages, into build/site.
site: $(VENV)/docs
	KERAS_BACKEND=jax $(VENV)/bin/python docs/build.py

# Each extra alone in an environment of its own: ten minutes, outside of the tests.
extras: $(VENV)/bin/python
	$(VENV)/bin/python -m tests.extras

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/pip install --quiet --editable ".[digits,plots,tensorflow]"
	touch $@

$(VENV)/test: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/pip install --quiet --editable ".[test]"
	touch $@

$(VENV)/docs: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/pip install --quiet --editable ".[docs]"
	touch $@

.PHONY: demo test test-all test-tensorflow test-slow test-jax test-torch test-openvino lint wheel
.PHONY: site extras
