#!/usr/bin/env bash
# The newcomer's path: clones what is committed into a temporary directory and runs .ci/run there.
# Run it directly, not through npm, so that the machine's own Node does the beginning.
set -euo pipefail
project="$(cd "$(dirname "$0")/.." && pwd)"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
git clone --quiet "$project" "$scratch/sojourn"
cd "$scratch/sojourn"
time ./.ci/run
