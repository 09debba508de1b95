#!/usr/bin/env bash
# Measures Runlet against the bare interpreter and the bare engine, on a stack of its own, and
# writes docs/bench/. BENCH_RUNS sets how many runs each figure is made of.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/all.sh
source deploy/bootstrap/lib/own-stack.sh

# With every limit off, accepting a run is one statement.
export MAX_CONSECUTIVE_FAILURES=0

measure() {
  step "Measuring (some minutes; let the machine do nothing else)"
  .venv/bin/python -m benchmarks.speed
}

on_own_stack measure
