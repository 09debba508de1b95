#!/usr/bin/env bash
# Draws docs/dashboard.png: the dashboard's own queries, answered by Prometheus about a stack of its own
# under the load of `make load`. DASHBOARD_SECONDS sets for how long.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/all.sh
source deploy/bootstrap/lib/python.sh
source deploy/bootstrap/lib/sandboxes.sh
source deploy/bootstrap/lib/test-stack.sh

PROJECT=runlet-test-$$
SECONDS_OF_LOAD=${DASHBOARD_SECONDS:-180}

main() {
  ensure_venv
  ensure_engine
  ensure_compose
  choose_mode
  trap tear_down EXIT
  start_test_stack
  ensure_prometheus_image
  quietly compose up -d --no-deps prometheus
  step "Loading the stack for $SECONDS_OF_LOAD s"
  export PYTHONPATH=.:shared
  .venv/bin/python -m locust -f load/learners.py --host "http://127.0.0.1:$GATEWAY_PORT" --headless \
    --users 220 --spawn-rate 20 --run-time "${SECONDS_OF_LOAD}s" --only-summary --exit-code-on-error 0
  .venv/bin/python -m monitoring.snapshot "http://127.0.0.1:$PROMETHEUS_PORT" docs/dashboard.png "$SECONDS_OF_LOAD"
  step "The dashboard is in docs/dashboard.png"
}

tear_down() {
  local status=$?
  trap - EXIT
  tear_down_test_stack || status=$((status ? status : 1))
  exit "$status"
}

main
