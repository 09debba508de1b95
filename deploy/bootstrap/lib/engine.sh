# The container engine: found, installed or started. Sourced.

need log packages

ENGINE_LOG=/var/log/runlet-dockerd.log
# Of the processors' time, where there is too little for everybody: all containers together have 1024.
ENGINE_CPU_SHARES=64
ENGINE_CPU_GROUP=/sys/fs/cgroup/cpu/runlet-engine

ensure_engine() {
  if ! engine_answers; then
    if ! { command -v docker && command -v dockerd; } >/dev/null; then
      install_engine
    fi
    engine_answers || start_engine
  fi
}

engine_answers() {
  docker info >/dev/null 2>&1
}

install_engine() {
  if ! can_install_packages; then
    fail "Runlet needs a Docker engine that you may use, and none answers here." \
      "Install Docker (on Debian or Ubuntu as root: apt-get install docker.io docker-compose)," \
      "or, when it runs already, join the group docker (usermod -aG docker $(id -un)) and log in again." \
      "Run as root on Debian or Ubuntu, make up does all of this itself."
  fi
  # docker-cli and cgroupfs-mount are packages of their own in some releases.
  install_packages docker.io docker-cli cgroupfs-mount iptables ca-certificates curl
}

start_engine() {
  if [ "$(id -u)" != 0 ]; then
    fail "Docker is installed, but its engine does not answer you." \
      "Start it (sudo systemctl start docker), or join the group docker (sudo usermod -aG docker $(id -un)) and log in again."
  fi
  step "Starting the Docker engine"
  if [ -d /run/systemd/system ]; then
    systemctl start docker || fail "systemctl could not start Docker. The reason is in: journalctl -u docker"
  elif ! pidof dockerd >/dev/null; then
    start_engine_by_hand
  fi
  wait_for_engine
}

start_engine_by_hand() {
  mountpoint -q /sys/fs/cgroup || ! command -v cgroupfs-mount >/dev/null || cgroupfs-mount
  forget_stale_pid /var/run/docker.pid dockerd
  forget_stale_pid /var/run/docker/containerd/containerd.pid containerd
  ulimit -n "$(ulimit -Hn)"
  # In a subshell that ends at once: the engine is then nobody's child and outlives what started it.
  (setsid nohup dockerd >"$ENGINE_LOG" 2>&1 </dev/null &)
}

# Each process of the engine would weigh as much as all services together, so that callers wait while
# containers are made. What it starts from now on stays with it; containers have groups of their own.
# Only for an engine that was started by hand here: systemd has a setting for its services.
let_services_go_first() {
  local engine pid
  engine=$(pidof -s dockerd) || return 0
  if [ "$(readlink "/proc/$engine/fd/1")" != "$ENGINE_LOG" ] || [ ! -w /sys/fs/cgroup/cpu/cpu.shares ]; then
    return 0
  fi
  mkdir -p "$ENGINE_CPU_GROUP"
  echo "$ENGINE_CPU_SHARES" >"$ENGINE_CPU_GROUP/cpu.shares"
  for pid in "$engine" $(cat "/proc/$engine"/task/*/children); do
    # Those that have ended meanwhile need no group.
    echo "$pid" 2>/dev/null >"$ENGINE_CPU_GROUP/cgroup.procs" || true
  done
}

# A machine that lost power keeps these files where /run is a plain disk, and their numbers may be
# anybody's by now: the engine would then wait for a containerd that does not exist.
forget_stale_pid() {
  local file=$1 program=$2 pid
  pid=$(cat "$file" 2>/dev/null) || return 0
  if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$program" ]; then
    rm -f "$file"
  fi
}

wait_for_engine() {
  local left=60
  until engine_answers; do
    sleep 1
    left=$((left - 1))
    if [ "$left" = 0 ] || engine_gave_up; then
      [ ! -f "$ENGINE_LOG" ] || grep -v module= "$ENGINE_LOG" | tail -n 5 >&2 || true
      fail "The Docker engine does not answer. Its log: $ENGINE_LOG, or journalctl -u docker."
    fi
  done
}

engine_gave_up() {
  [ ! -d /run/systemd/system ] && ! pidof dockerd >/dev/null
}
