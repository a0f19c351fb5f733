#!/bin/sh
# Pin all dependencies with hashes, without index addresses. Needs uv (pip install uv).
set -eu
cd "$(dirname "$0")/.."
options="--quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-annotate --no-header"
# shellcheck disable=SC2086
uv pip compile $options pyproject.toml requirements/build.in -o requirements/base.txt
for set in dev bench; do
    # shellcheck disable=SC2086
    uv pip compile $options "requirements/$set.in" -o "requirements/$set.txt"
done
