#!/usr/bin/env bash
# Brings Runlet up, whatever state the machine is in, and shows that it runs code.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/all.sh
source deploy/bootstrap/lib/ports.sh
source deploy/bootstrap/lib/demo.sh

main() {
  ensure_engine
  ensure_compose
  choose_mode
  choose_stack "${STACK_FILES[@]}"
  check_ports
  ensure_images
  remember_stack
  ensure_secrets
  start_stack
  reload_gateway
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

# Its configuration is mounted, so compose does not notice when that changed.
reload_gateway() {
  docker ps -q --filter "label=com.docker.compose.project=$PROJECT" --filter label=com.docker.compose.service=gateway \
    | xargs -r docker kill --signal HUP >/dev/null
}

say_where_to_go() {
  local address
  address=$(reachable_address)
  step "Runlet is up"
  note "Both APIs     http://$address:$(setting GATEWAY_PORT 8080)"
  note "Session API   http://$address:$(setting SESSION_API_PORT 8001)/docs"
  note "Execution API http://$address:$(setting EXECUTION_API_PORT 8002)/docs"
  note "README.md tells what to do with it; make test checks it, make logs watches it, make down stops it."
}

main
