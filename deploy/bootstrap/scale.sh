#!/usr/bin/env bash
# What four runners carry of programs that sleep, against one, on a stack of its own. The figures are
# in .runlet/scaling.md. SCALE_WAVES sets how often every slot is filled.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/all.sh
source deploy/bootstrap/lib/own-stack.sh

measure() {
  export RUNLET_TEST_GATEWAY_URL=http://127.0.0.1:$GATEWAY_PORT
  export RUNLET_TEST_AMQP_URL=amqp://runlet:$RABBITMQ_PASSWORD@127.0.0.1:$TEST_RABBITMQ_PORT/
  export RUNLET_TEST_COMPOSE=$OWN_STACK_COMPOSE SCALE_WAVES=${SCALE_WAVES:-10}
  step "Measuring (a minute or two; let the machine do nothing else)"
  run_pytest tests/scaling
  cat .runlet/scaling.md
}

on_own_stack measure
