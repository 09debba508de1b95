#!/usr/bin/env bash
# Every test, against a stack of its own: other names and ports than a running `make up`, same images.
# PYTEST_ARGS is handed to pytest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/need.sh
need log engine compose registry-mode monitoring leftovers pytest test-stack

PROJECT=runlet-test-$$

main() {
  deploy/bootstrap/lint.sh
  ensure_engine
  ensure_compose
  choose_mode
  trap tear_down EXIT
  start_test_stack
  ensure_prometheus_image
  export_addresses
  step "Running the tests"
  run_pytest
}

export_addresses() {
  export RUNLET_TEST_GATEWAY_URL=http://127.0.0.1:$GATEWAY_PORT
  export RUNLET_TEST_SESSION_API_URL=http://127.0.0.1:$SESSION_API_PORT
  export RUNLET_TEST_EXECUTION_API_URL=http://127.0.0.1:$EXECUTION_API_PORT
  export RUNLET_TEST_PROMETHEUS_URL=http://127.0.0.1:$PROMETHEUS_PORT
  export RUNLET_TEST_POSTGRES_URL=postgresql+psycopg2://postgres:$POSTGRES_PASSWORD@127.0.0.1:$TEST_POSTGRES_PORT/postgres
  export RUNLET_TEST_AMQP_URL=amqp://runlet:$RABBITMQ_PASSWORD@127.0.0.1:$TEST_RABBITMQ_PORT/
  export RUNLET_TEST_RABBITMQ_MANAGEMENT_URL=http://runlet:$RABBITMQ_PASSWORD@127.0.0.1:$TEST_RABBITMQ_MANAGEMENT_PORT
  RUNLET_TEST_COMPOSE=$(printf '%q ' "${COMPOSE[@]}" "${STACK[@]}")
  export RUNLET_TEST_COMPOSE
}

tear_down() {
  local status=$? kind
  trap - EXIT
  stop_children
  [ "$status" = 0 ] || [ -z "$TEST_STACK_STARTED" ] || show_logs "$status"
  # Named after this stack: see tests/support/chaos/projects.py and tests/support/deployments/deployments.py.
  for kind in chaos cluster hosts swarm beside alone; do
    remove_leftovers "${PROJECT/-test-/-$kind-}" || status=$((status ? status : 1))
  done
  tear_down_test_stack || status=$((status ? status : 1))
  exit "$status"
}

show_logs() {
  step "The end of the services' logs, as something failed (exit code $1; what failed stands above)"
  compose logs --no-color --tail 40 session-api execution-api execution-relay runner result-collector gateway || true
}

main
