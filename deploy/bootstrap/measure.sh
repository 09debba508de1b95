#!/usr/bin/env bash
# measure.sh NAME: measures on a stack of its own, with nothing beside it, and writes down the figures.
# The settings of each are in the Makefile.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/need.sh
need log measuring-stack monitoring

# Runlet against the bare interpreter and the bare engine, into docs/bench/.
measure_bench() {
  .venv/bin/python -m benchmarks.speed
}

# 200 clients that type and 20 that run, into docs/load/.
measure_load() {
  .venv/bin/python -m benchmarks.load
}

# What calls cost and how one machine bends, into docs/capacity/.
measure_capacity() {
  .venv/bin/python -m benchmarks.capacity --measure
}

# Whether a backlog and a history slow the APIs down, into docs/capacity/backlog.md. This script once
# more makes the second stack, which is to be filled, beside the first one.
measure_backlog() {
  if [ -n "${RUNLET_FULL_PROJECT:-}" ]; then
    .venv/bin/python -m benchmarks.capacity.backlog
    return
  fi
  export RUNLET_FULL_COMPOSE=$RUNLET_BENCH_COMPOSE RUNLET_FULL_PROJECT=$RUNLET_BENCH_PROJECT
  export RUNLET_BACKLOG_DATABASE_URL=postgresql+psycopg2://postgres:$POSTGRES_PASSWORD@127.0.0.1:$TEST_POSTGRES_PORT/executions
  export RUNLET_BACKLOG_AMQP_URL=amqp://runlet:$RABBITMQ_PASSWORD@127.0.0.1:$TEST_RABBITMQ_PORT/runlet
  deploy/bootstrap/measure.sh backlog
}

# What four runners carry of programs that sleep, against one, into .runlet/scaling.md.
measure_scale() {
  export RUNLET_TEST_GATEWAY_URL=http://127.0.0.1:$GATEWAY_PORT
  export RUNLET_TEST_AMQP_URL=amqp://runlet:$RABBITMQ_PASSWORD@127.0.0.1:$TEST_RABBITMQ_PORT/
  export RUNLET_TEST_COMPOSE=$RUNLET_BENCH_COMPOSE SCALE_WAVES=${SCALE_WAVES:-10}
  run_pytest tests/scaling
  cat .runlet/scaling.md
}

# The dashboard's own queries, answered by Prometheus about a loaded stack, into docs/dashboard.png.
measure_dashboard() {
  local seconds=${DASHBOARD_SECONDS:-180}
  ensure_prometheus_image
  quietly compose up -d --no-deps prometheus
  .venv/bin/python -m locust -f benchmarks/load/learners.py --host "http://127.0.0.1:$GATEWAY_PORT" --headless \
    --users 220 --spawn-rate 20 --run-time "${seconds}s" --only-summary --exit-code-on-error 0
  PYTHONPATH=$PYTHONPATH:deploy \
    .venv/bin/python -m monitoring.snapshot "http://127.0.0.1:$PROMETHEUS_PORT" docs/dashboard.png "$seconds"
}

# Settings of the stack that is measured.
prepare() {
  case $1 in
    # With every limit off, accepting a run is one statement.
    bench | capacity) export MAX_CONSECUTIVE_FAILURES=0 ;;
    # Nothing is refused for the backlog that is measured.
    backlog) export MAX_QUEUE_DEPTH=1000000 ;;
  esac
}

measure() {
  step "Measuring (some minutes; let the machine do nothing else)"
  "measure_$NAME"
}

NAME=${1:-}
declare -F "measure_$NAME" >/dev/null \
  || fail "measure.sh NAME: $(compgen -A function measure_ | sed 's/^measure_//' | paste -sd' ')"
prepare "$NAME"
on_measuring_stack measure
