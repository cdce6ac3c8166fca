#!/usr/bin/env bash
# Keras 3's NumPy backend needs JAX: without JAX, `import keras` fails.
#
# Guess: the backend named "numpy" runs on NumPy alone, or at most with SciPy.
# Seen (Keras 3.15.1, NumPy 2.4.6, Python 3.11): with KERAS_BACKEND=numpy, `import keras` ends in
# "No module named 'scipy'", and once SciPy is there in "No module named 'jax'". With both it
# imports, and has JAX among its modules. Keras asks for neither package.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1
export KERAS_BACKEND=numpy KERAS_HOME="$folder"

fails_without() {
  if "$folder/venv/bin/python" -c "import keras" 2>"$folder/error"; then
    echo "changed: the NumPy backend imports without $1"
    exit 1
  fi
  grep "No module named '$1'" "$folder/error"
}

fails_without scipy
"$folder/venv/bin/pip" install --quiet scipy==1.17.1
fails_without jax
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import keras

assert keras.backend.backend() == "numpy"
assert "jax" in sys.modules, "changed: JAX is installed, but not imported"
print(f"Keras {keras.__version__} on NumPy imports JAX {sys.modules['jax'].__version__}")
PYTHON
