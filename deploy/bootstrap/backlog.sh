#!/usr/bin/env bash
# Measures whether a backlog and a history slow the APIs down, on a stack of its own, and writes
# docs/capacity/backlog.md. BACKLOG_STORED and BACKLOG_QUEUED set how much of both.
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
  # Nothing is refused for the backlog that is measured.
  export MAX_QUEUE_DEPTH=1000000
  start_test_stack
  RUNLET_BENCH_COMPOSE=$(printf '%q ' "${COMPOSE[@]}" "${STACK[@]}")
  export RUNLET_BENCH_COMPOSE RUNLET_BENCH_PROJECT=$PROJECT
  export RUNLET_BACKLOG_DATABASE_URL=postgresql+psycopg2://postgres:$POSTGRES_PASSWORD@127.0.0.1:$TEST_POSTGRES_PORT/executions
  export RUNLET_BACKLOG_AMQP_URL=amqp://runlet:$RABBITMQ_PASSWORD@127.0.0.1:$TEST_RABBITMQ_PORT/runlet
  step "Filling and measuring (some 15 minutes, and 10 GB of disk)"
  PYTHONPATH=.:shared .venv/bin/python -m docs.capacity.backlog
}

tear_down() {
  local status=$?
  trap - EXIT
  tear_down_test_stack || status=$((status ? status : 1))
  exit "$status"
}

main
