#!/usr/bin/env bash
# Run a command, and all containers of this machine, on a share of its processors:
#   SLOW_PERCENT=33 deploy/bootstrap/slow.sh make test
# The tests promise to pass however slow the machine is; this is how to see whether they do.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
source "$ROOT/deploy/bootstrap/lib/log.sh"

PERIOD_US=100000
GROUP=runlet-slow-$$
# Where the engine puts its containers: `docker` with cgroupfs, `system.slice` with systemd.
ENGINE_GROUP=${SLOW_ENGINE_GROUP:-docker}

main() {
  [ "$(id -u)" = 0 ] || fail "Limiting the processors takes root." "Run it as root."
  local quota=$((PERIOD_US * $(nproc) * ${SLOW_PERCENT:-33} / 100))
  HIERARCHY=/sys/fs/cgroup
  [ -f /sys/fs/cgroup/cgroup.controllers ] || HIERARCHY=/sys/fs/cgroup/cpu
  trap lift EXIT
  mkdir "$HIERARCHY/$GROUP"
  limit "$HIERARCHY/$GROUP" "$quota"
  limit "$HIERARCHY/$ENGINE_GROUP" "$quota"
  (
    echo "$BASHPID" >"$HIERARCHY/$GROUP/cgroup.procs"
    exec "$@"
  )
}

# limit FOLDER QUOTA: microseconds of processor time in each period; -1 lifts it.
limit() {
  if [ -f "$1/cpu.max" ]; then
    echo "${2/#-1/max} $PERIOD_US" >"$1/cpu.max"
  else
    echo "$PERIOD_US" >"$1/cpu.cfs_period_us"
    echo "$2" >"$1/cpu.cfs_quota_us"
  fi
}

lift() {
  local status=$? left=50
  limit "$HIERARCHY/$ENGINE_GROUP" -1
  # What the command left behind goes on, without a limit.
  while read -r process; do
    echo "$process" >"$HIERARCHY/cgroup.procs" 2>/dev/null || true
  done <"$HIERARCHY/$GROUP/cgroup.procs"
  while ! rmdir "$HIERARCHY/$GROUP" 2>/dev/null && [ "$left" -gt 0 ]; do
    sleep 0.1
    left=$((left - 1))
  done
  exit "$status"
}

[ $# -gt 0 ] || fail "Say which command to run." "SLOW_PERCENT=33 $0 make test"
main "$@"
