#!/usr/bin/env bash
# Brings Runlet up, whatever state the machine is in, and shows that it runs code.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/need.sh
need log settings engine compose registry-mode tls monitoring ports images health containers demo

main() {
  ensure_engine
  let_services_go_first
  ensure_compose
  choose_mode
  choose_tls
  choose_monitoring
  choose_stack "${STACK_FILES[@]}"
  check_ports
  ensure_images
  ensure_monitoring_images
  remember_stack
  remember_monitoring
  start_stack
  reload_configuration
  run_demo
  say_where_to_go
}

# So that a plain `docker-compose up -d --scale runner=3` speaks of the same stack.
remember_stack() {
  local files
  files=$(IFS=: && printf '%s' "${STACK_FILES[*]}")
  remember COMPOSE_PROJECT_NAME "$PROJECT"
  remember COMPOSE_FILE "$files"
  chmod 600 .env
}

# What is mounted may have changed, which compose does not notice.
reload_configuration() {
  local service
  for service in gateway prometheus; do
    containers_of "$service" | xargs -r docker kill --signal HUP >/dev/null
  done
  # HAProxy's word for it: runs that are under way keep their streams.
  containers_of engine-proxy | xargs -r docker kill --signal USR2 >/dev/null
}

say_where_to_go() {
  local address
  address=$(reachable_address)
  step "Runlet $(version) is up"
  note "Both APIs     http://$address:$(setting GATEWAY_PORT 8080)"
  note "Session API   http://$address:$(setting SESSION_API_PORT 8001)/docs"
  note "Execution API http://$address:$(setting EXECUTION_API_PORT 8002)/docs"
  say_where_monitoring_is "$address"
  note "README.md tells what to do with it; make test checks it, make logs watches it, make down stops it."
}

version() {
  sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml
}

main
