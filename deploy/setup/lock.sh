#!/bin/sh
# Turns the .in files into hash-locked .txt files, each layer held to the versions of the one below,
# and writes the npm lock files anew. Run by `make lock`; UPGRADE=1 takes the newest versions allowed.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
PATH="$root/.venv/bin:$PATH"

compile() { # compile LAYER [LAYER BELOW]
    "$root/.venv-lock/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
        ${UPGRADE:+--upgrade} ${2:+--constraints "$2.txt"} "$1.in" --output-file "$1.txt"
    echo "deploy/locks/$1.txt"
}

cd "$root/deploy/locks"
compile run
compile demo run
compile test demo
compile node
compile lock

for folder in deploy/assets tests/peers; do
    cd "$root/$folder"
    npm install --package-lock-only --silent </dev/null
    echo "$folder/package-lock.json"
done
