# A stack to measure on, which is gone afterwards. Sourced.

need log python pytest engine compose registry-mode test-stack

PROJECT=runlet-test-$$

# on_measuring_stack FUNCTION: calls it when the stack is up.
on_measuring_stack() {
  ensure_venv
  ensure_engine
  let_services_go_first
  ensure_compose
  choose_mode
  trap leave_measuring_stack EXIT
  start_test_stack
  RUNLET_BENCH_COMPOSE=$(printf '%q ' "${COMPOSE[@]}" "${STACK[@]}")
  export RUNLET_BENCH_COMPOSE RUNLET_BENCH_PROJECT=$PROJECT PYTHONPATH=.:shared
  "$1"
}

leave_measuring_stack() {
  local status=$?
  trap - EXIT
  stop_children
  tear_down_test_stack || status=$((status ? status : 1))
  exit "$status"
}
