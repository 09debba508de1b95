# Measuring on a stack of its own, which is gone afterwards. Sourced after all.sh.

source deploy/bootstrap/lib/python.sh
source deploy/bootstrap/lib/pytest.sh
source deploy/bootstrap/lib/sandboxes.sh
source deploy/bootstrap/lib/test-stack.sh

PROJECT=runlet-test-$$

# on_own_stack FUNCTION: calls it when the stack is up.
on_own_stack() {
  ensure_venv
  ensure_engine
  let_services_go_first
  ensure_compose
  choose_mode
  trap leave_own_stack EXIT
  start_test_stack
  OWN_STACK_COMPOSE=$(printf '%q ' "${COMPOSE[@]}" "${STACK[@]}")
  export RUNLET_BENCH_COMPOSE=$OWN_STACK_COMPOSE RUNLET_BENCH_PROJECT=$PROJECT PYTHONPATH=.:shared
  "$1"
}

leave_own_stack() {
  local status=$?
  trap - EXIT
  stop_children
  tear_down_test_stack || status=$((status ? status : 1))
  exit "$status"
}
