#!/usr/bin/env bash
# Measures Runlet against the bare interpreter and the bare engine, on a stack of its own, and
# writes docs/bench/. BENCH_RUNS sets how many runs each figure is made of.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/all.sh
source deploy/bootstrap/lib/python.sh
source deploy/bootstrap/lib/sandboxes.sh
source deploy/bootstrap/lib/test-stack.sh

PROJECT=runlet-test-$$

main() {
  ensure_venv
  ensure_engine
  ensure_compose
  choose_mode
  trap tear_down EXIT
  # With every limit off, accepting a run is one statement.
  export MAX_CONSECUTIVE_FAILURES=0
  start_test_stack
  RUNLET_BENCH_COMPOSE=$(printf '%q ' "${COMPOSE[@]}" "${STACK[@]}")
  export RUNLET_BENCH_COMPOSE RUNLET_BENCH_PROJECT=$PROJECT
  step "Measuring (some minutes; let the machine do nothing else)"
  PYTHONPATH=.:shared .venv/bin/python -m bench
}

tear_down() {
  local status=$?
  trap - EXIT
  tear_down_test_stack || status=$((status ? status : 1))
  exit "$status"
}

main
