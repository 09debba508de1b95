#!/usr/bin/env bash
# Measures whether a backlog and a history slow the APIs down, on two stacks of its own, and writes
# docs/capacity/backlog.md. BACKLOG_STORED and BACKLOG_QUEUED set how much of both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/all.sh
source deploy/bootstrap/lib/own-stack.sh

# Nothing is refused for the backlog that is measured.
export MAX_QUEUE_DEPTH=1000000

# This script once more: the second stack, beside the first one, which is to be filled.
start_another() {
  export RUNLET_FULL_COMPOSE=$RUNLET_BENCH_COMPOSE RUNLET_FULL_PROJECT=$RUNLET_BENCH_PROJECT
  export RUNLET_BACKLOG_DATABASE_URL=postgresql+psycopg2://postgres:$POSTGRES_PASSWORD@127.0.0.1:$TEST_POSTGRES_PORT/executions
  export RUNLET_BACKLOG_AMQP_URL=amqp://runlet:$RABBITMQ_PASSWORD@127.0.0.1:$TEST_RABBITMQ_PORT/runlet
  deploy/bootstrap/backlog.sh
}

measure() {
  step "Filling and measuring (some 15 minutes, and 10 GB of disk; let the machine do nothing else)"
  .venv/bin/python -m benchmarks.capacity.backlog
}

if [ -z "${RUNLET_FULL_PROJECT:-}" ]; then
  on_own_stack start_another
else
  on_own_stack measure
fi
