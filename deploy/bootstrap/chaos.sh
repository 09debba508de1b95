#!/usr/bin/env bash
# Every fault there is, on a stack and an engine of their own, as often as CHAOS_ROUNDS says.
# The table of what they did is in .runlet/chaos.md. CHAOS_SEED repeats the moments of an earlier run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/all.sh
source deploy/bootstrap/lib/python.sh
source deploy/bootstrap/lib/pytest.sh
source deploy/bootstrap/lib/leftovers.sh

# Under this name the images are built; the stack that is broken is called chaos instead of test.
PROJECT=runlet-test-$$

main() {
  [ "$(id -u)" = 0 ] || fail "Breaking a stack takes root: killing its processes, cutting its networks." "Run make chaos as root."
  ensure_venv
  ensure_engine
  ensure_compose
  choose_mode
  choose_stack "${STACK_FILES[@]}"
  do_without_passwords
  trap tear_down EXIT
  ensure_images
  # The tests start it themselves: see tests/support/chaos/projects.py.
  choose_stack "${STACK_FILES[@]}" tests/compose.test.yml
  RUNLET_TEST_COMPOSE=$(printf '%q ' "${COMPOSE[@]}" "${STACK[@]}")
  export RUNLET_TEST_COMPOSE CHAOS_ROUNDS=${CHAOS_ROUNDS:-1}
  rm -f .runlet/chaos.md
  step "Breaking things (some fifteen minutes a round)"
  run_pytest tests/chaos
}

tear_down() {
  local status=$? kind
  trap - EXIT
  stop_children
  step "Making sure that nothing is left"
  remove_leftovers "$PROJECT" || status=$((status ? status : 1))
  for kind in chaos cluster hosts; do
    remove_leftovers "${PROJECT/-test-/-$kind-}" || status=$((status ? status : 1))
  done
  if [ -f .runlet/chaos.md ]; then
    step "What the faults did, as in .runlet/chaos.md"
    cat .runlet/chaos.md
  fi
  exit "$status"
}

main
