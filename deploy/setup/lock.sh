#!/bin/sh
# Exports the dependencies and groups of pyproject.toml to lock files with hashes, each held to the versions of the
# product's own, and writes the npm lock files. Run by `make lock`; UPGRADE=1 takes the newest versions allowed.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
PATH="$root/.venv/bin:$PATH"
cd "$root"

compile() { # compile LAYER ARGUMENTS...
    file="deploy/locks/$1.txt"
    shift
    "$root/.venv-lock/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
        ${UPGRADE:+--upgrade} "$@" --output-file "$file"
    echo "$file"
}

compile run --all-extras pyproject.toml
compile test --all-extras --group test --group lint --constraints deploy/locks/run.txt pyproject.toml
compile mutants --group mutants --constraints deploy/locks/test.txt
compile demo --group demo
compile lock --group lock
# djagger, which documents the endpoints, is published as source alone: the tests put two stand-ins in its place
compile spid --group spid --no-emit-package djagger --no-emit-package djangorestframework

for folder in deploy/assets tests/interop; do
    cd "$root/$folder"
    npm install --package-lock-only --silent </dev/null
    echo "$folder/package-lock.json"
done
