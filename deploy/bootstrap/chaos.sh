#!/usr/bin/env bash
# Every fault there is, on a stack and an engine of their own, as often as CHAOS_ROUNDS says.
# The table of what they did goes into docs/chaos.md, and that of a run that PYTEST_ARGS narrows into
# .runlet/chaos.md only. CHAOS_SEED repeats the moments of an earlier run, CHAOS_FREEZE_SECONDS says
# how long parts are frozen.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/need.sh
need log packages engine compose registry-mode images python pytest leftovers

# Under this name the images are built; the stack that is broken is called chaos instead of test.
PROJECT=runlet-test-$$

main() {
  [ "$(id -u)" = 0 ] || fail "Breaking a stack takes root: killing its processes, cutting its networks." "Run make chaos as root."
  ensure_venv
  ensure_engine
  ensure_compose
  choose_mode
  choose_stack "${STACK_FILES[@]}"
  trap tear_down EXIT
  ensure_images
  # The tests start it themselves: see tests/support/chaos/projects.py.
  choose_stack "${STACK_FILES[@]}" tests/compose.test.yml
  RUNLET_TEST_COMPOSE=$(printf '%q ' "${COMPOSE[@]}" "${STACK[@]}")
  ensure_clock_library
  export RUNLET_TEST_COMPOSE FAKETIME_LIBRARY CHAOS_ROUNDS=${CHAOS_ROUNDS:-1}
  rm -f .runlet/chaos.md
  step "Breaking things (some forty minutes a round)"
  run_pytest tests/chaos
}

# The library that shifts the clock of a runner's container.
ensure_clock_library() {
  FAKETIME_LIBRARY=$(find_clock_library)
  [ -n "$FAKETIME_LIBRARY" ] || ! can_install_packages || install_packages libfaketime
  FAKETIME_LIBRARY=$(find_clock_library)
  [ -n "$FAKETIME_LIBRARY" ] || note "Without libfaketime the tests of a clock that is apart are left out."
}

find_clock_library() {
  find /usr/lib /usr/lib64 -name libfaketimeMT.so.1 2>/dev/null | head -n 1
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
    [ -n "${PYTEST_ARGS:-}" ] || write_document >docs/chaos.md
  fi
  exit "$status"
}

write_document() {
  cat <<EOF
# Faults under load

Written by \`make chaos\` with Runlet $(version), as [testing.md](testing.md#faults) describes it, on a
machine with $(nproc) processors. Each fault strikes at a random moment of a load whose answers are known
before. Callers keep a ledger: each run that was answered 202 has to end once and right, and a new one
has to have its answer within 15 seconds of the fault's end, or 30 seconds after a frozen part continues.

- *retries seen*: calls that were answered 503 or not at all, and made again by the caller.
- *repeated*: runs that took more than one attempt.
- *wrong answers*: ends that are not the program's own, such as a TIMEOUT of one that is over at once.
- *lost*: runs without an end.
- *restarted by the engine*: containers that ended and came back by themselves. Nothing was restarted
  by hand.

EOF
  cat .runlet/chaos.md
}

version() {
  sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml
}

main
