#!/usr/bin/env bash
# What four runners carry of programs that sleep, against one, on a stack of its own. The figures are
# in .runlet/scaling.md. SCALE_WAVES sets how often every slot is filled.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/all.sh
source deploy/bootstrap/lib/python.sh
source deploy/bootstrap/lib/pytest.sh
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
  export RUNLET_TEST_GATEWAY_URL=http://127.0.0.1:$GATEWAY_PORT
  export RUNLET_TEST_AMQP_URL=amqp://runlet:$RABBITMQ_PASSWORD@127.0.0.1:$TEST_RABBITMQ_PORT/
  RUNLET_TEST_COMPOSE=$(printf '%q ' "${COMPOSE[@]}" "${STACK[@]}")
  export RUNLET_TEST_COMPOSE SCALE_WAVES=${SCALE_WAVES:-10}
  step "Measuring (a minute or two; let the machine do nothing else)"
  run_pytest tests/scaling
  cat .runlet/scaling.md
}

tear_down() {
  local status=$?
  trap - EXIT
  stop_children
  tear_down_test_stack || status=$((status ? status : 1))
  exit "$status"
}

main
