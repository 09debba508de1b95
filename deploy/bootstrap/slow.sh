#!/usr/bin/env bash
# Run a command while busy loops share each processor with it and with all containers:
#   SLOW_TIMES=3 deploy/bootstrap/slow.sh make test
# The tests promise to pass however slow the machine is; this shows whether they do. Loops, because a
# quota on the engine's control group is refused by containers that have one of their own.
set -euo pipefail

main() {
  local processor loop
  trap 'kill "${LOOPS[@]}" 2>/dev/null || true' EXIT
  for ((processor = 0; processor < $(nproc); processor++)); do
    for ((loop = 1; loop < ${SLOW_TIMES:-3}; loop++)); do
      taskset -c "$processor" bash -c 'while :; do :; done' &
      LOOPS+=("$!")
    done
  done
  "$@"
}

LOOPS=()
[ $# -gt 0 ] || { echo "Say which command to run: SLOW_TIMES=3 $0 make test" >&2; exit 2; }
main "$@"
