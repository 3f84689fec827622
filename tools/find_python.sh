#!/bin/sh
# Print a Python of version 3.12 or newer, the one in .python-version first; say how to get one when there is none.
wanted=$(cat .python-version)
fits() { "$1" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info[:2] < (3, 15))' >/dev/null 2>&1; }

for name in "${PYTHON:-}" "python$wanted" python3 python3.14 python3.12 python \
    "${PYENV_ROOT:-$HOME/.pyenv}/versions/$wanted"*/bin/python \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python; do
  [ -n "$name" ] || continue
  path=$(command -v "$name" 2>/dev/null) || continue
  if fits "$path"; then
    # the interpreter itself, since a version manager's shim may answer differently in another folder
    "$path" -c 'import sys; print(sys.executable)'
    exit 0
  fi
done
echo "Python 3.12 or newer was not found: install it from python.org (or 'apt install python3.13', 'brew install python@3.13'), or name one with 'make PYTHON=/path/to/python'." >&2
exit 7
