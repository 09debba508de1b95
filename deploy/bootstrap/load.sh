#!/usr/bin/env bash
# Lets 200 clients type and 20 run on a stack of its own, and writes docs/load/. LOAD_SECONDS sets
# for how long.
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
  start_test_stack
  step "Loading the stack (a minute or so; let the machine do nothing else)"
  RUNLET_LOAD_URL=http://127.0.0.1:$GATEWAY_PORT PYTHONPATH=.:shared .venv/bin/python -m load
}

tear_down() {
  local status=$?
  trap - EXIT
  tear_down_test_stack || status=$((status ? status : 1))
  exit "$status"
}

main
