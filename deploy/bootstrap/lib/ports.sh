# Whether the ports Runlet publishes are free, asked before anything starts. Sourced.

need log settings monitoring containers

check_ports() {
  check_port GATEWAY_PORT 8080 gateway "the gateway"
  check_port SESSION_API_PORT 8001 session-api "the session API"
  check_port EXECUTION_API_PORT 8002 execution-api "the execution API"
  [ -z "$MONITORING_PROFILE" ] || check_port PROMETHEUS_PORT 9090 prometheus Prometheus
  ! has_grafana || check_port GRAFANA_PORT 3000 grafana Grafana
}

check_port() {
  local name=$1 service=$3 what=$4 port
  port=$(setting "$name" "$2")
  if ! [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || [ "$port" -gt 65535 ]; then
    fail "$name is \"$port\", which is no port. Choose a number from 1 to 65535."
  fi
  if is_ours "$service" "$port" || ! is_taken "$port"; then
    return
  fi
  fail "Port $port, which $what wants, is taken by another program." \
    "Move Runlet's to a free port, such as: $name=$(((port + 10) % 65536)) make up" \
    "or stop what holds it (ss -ltnp shows what does)."
}

is_ours() {
  [ -n "$(containers_of "$1" --filter "publish=$2")" ]
}

is_taken() {
  local address
  address=$(setting BIND_ADDRESS 127.0.0.1)
  [ "$address" != 0.0.0.0 ] || address=127.0.0.1
  timeout 2 bash -c ": <>/dev/tcp/$address/$1" 2>/dev/null
}
