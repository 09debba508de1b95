#!/usr/bin/env bash
# Measures what calls cost and how one machine bends, on a stack of its own, and writes
# docs/capacity/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/all.sh
source deploy/bootstrap/lib/own-stack.sh

# With every limit off, accepting a run is one statement.
export MAX_CONSECUTIVE_FAILURES=0

measure() {
  step "Measuring (a few minutes; let the machine do nothing else)"
  .venv/bin/python -m benchmarks.capacity --measure
}

on_own_stack measure
