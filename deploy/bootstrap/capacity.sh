#!/usr/bin/env bash
# Measures what calls cost and how one machine bends, on a stack of its own, and writes docs/capacity/.
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
  step "Measuring (a few minutes; let the machine do nothing else)"
  PYTHONPATH=.:shared .venv/bin/python -m docs.capacity --measure
}

tear_down() {
  local status=$?
  trap - EXIT
  tear_down_test_stack || status=$((status ? status : 1))
  exit "$status"
}

main
