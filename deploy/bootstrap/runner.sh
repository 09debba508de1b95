#!/usr/bin/env bash
# Brings up a runner alone, on a machine that has an engine and reaches the broker: see docs/security.md.
# AMQP_URL and AMQP_CA_FILE are kept in .env, so that later calls need not name them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/need.sh
need log settings engine compose registry-mode images containers

OVERLAY=deploy/runner/compose.runner.yml
READY_SECONDS=60

main() {
  check_settings
  ensure_engine
  let_services_go_first
  ensure_compose
  refuse_whole_stack
  choose_mode
  STACK_FILES+=("$OVERLAY")
  choose_stack "${STACK_FILES[@]}"
  ensure_images
  remember_runner
  step "Starting the runner"
  compose up -d --no-deps engine-proxy runner
  wait_until_ready
  step "The runner is up and takes work. make logs watches it, make down stops it."
}

check_settings() {
  local url file
  url=$(setting AMQP_URL "")
  file=$(setting AMQP_CA_FILE "")
  [[ $url == amqps://* ]] || fail "AMQP_URL says where the broker is, and begins with amqps://, as passwords and programs cross the network:" \
    "make runner AMQP_URL=amqps://runlet:PASSWORD@broker.example:5671/runlet AMQP_CA_FILE=./ca.pem"
  [ -f "$file" ] || fail "AMQP_CA_FILE is \"$file\", where there is no file. It holds the certificate of the authority that signed the broker's."
  [[ $file == /* || $file == ./* ]] || fail "AMQP_CA_FILE is \"$file\". Write it as an absolute path, or begin it with ./"
}

refuse_whole_stack() {
  if [ -n "$(containers_of gateway)" ]; then
    fail "The whole of Runlet runs on this machine. More runners beside it: docker-compose up -d --scale runner=2"
  fi
}

remember_runner() {
  local files
  files=$(IFS=: && printf '%s' "${STACK_FILES[*]}")
  remember COMPOSE_PROJECT_NAME "$PROJECT"
  remember COMPOSE_FILE "$files"
  remember AMQP_URL "$(setting AMQP_URL "")"
  remember AMQP_CA_FILE "$(setting AMQP_CA_FILE "")"
  chmod 600 .env
}

wait_until_ready() {
  local deadline=$((SECONDS + READY_SECONDS))
  until is_ready; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      compose logs --no-color --tail 5 runner >&2
      fail "The runner does not get ready; why stands above. It goes on trying."
    fi
    sleep 1
  done
}

is_ready() {
  compose exec -T runner python -c 'import urllib.request as r; r.urlopen("http://127.0.0.1:9100/ready", timeout=5)' >/dev/null 2>&1
}

main
