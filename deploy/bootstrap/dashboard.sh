#!/usr/bin/env bash
# Draws docs/dashboard.png: the dashboard's own queries, answered by Prometheus about a stack of its own
# under the load of `make load`. DASHBOARD_SECONDS sets for how long.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/all.sh
source deploy/bootstrap/lib/own-stack.sh

SECONDS_OF_LOAD=${DASHBOARD_SECONDS:-180}

measure() {
  ensure_prometheus_image
  quietly compose up -d --no-deps prometheus
  step "Loading the stack for $SECONDS_OF_LOAD s"
  .venv/bin/python -m locust -f benchmarks/load/learners.py --host "http://127.0.0.1:$GATEWAY_PORT" --headless \
    --users 220 --spawn-rate 20 --run-time "${SECONDS_OF_LOAD}s" --only-summary --exit-code-on-error 0
  .venv/bin/python -m monitoring.snapshot "http://127.0.0.1:$PROMETHEUS_PORT" docs/dashboard.png "$SECONDS_OF_LOAD"
  step "The dashboard is in docs/dashboard.png"
}

on_own_stack measure
