#!/usr/bin/env bash
# deploy.sh [NAME [FILE...]]: deploys Runlet as a stack, or updates it, with stack files of your own on
# top; see docs/swarm.md for the settings.
# Run it on a manager of the swarm, or with DOCKER_HOST or a docker context that leads to one.
set -euo pipefail
own_files=()
for file in "${@:2}"; do
  own_files+=(-c "$(realpath "$file")")
done
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/log.sh
source deploy/swarm/lib/secrets.sh

STACK=${1:-runlet}

main() {
  [ "$(docker info --format '{{.Swarm.ControlAvailable}}' 2>/dev/null)" = true ] \
    || fail "This is no manager of a swarm." "Run docker swarm init first, or point DOCKER_HOST at a manager."
  : "${ENGINE_HOST:?Set ENGINE_HOST to the address of the engine that runners use, such as tcp://engine-1.example.com:2376. It must not be a node of the swarm.}"
  ensure_engine_secrets
  local -a files=(-c deploy/swarm/stack.yml)
  if [ "${EXTERNAL_DATA:-}" = 1 ]; then
    require_address_secrets
  else
    ensure_data_secrets
    files+=(-c deploy/swarm/data.yml)
  fi
  files+=("${own_files[@]}")
  hash_configs
  docker stack deploy --prune --resolve-image "${RESOLVE_IMAGE:-always}" "${files[@]}" "$STACK"
}

hash_configs() {
  NGINX_HASH=$(hash_of deploy/gateway/nginx.conf)
  BACKENDS_HASH=$(hash_of deploy/gateway/backends.conf)
  START_POSTGRES_HASH=$(hash_of deploy/swarm/start-postgres)
  DATABASES_HASH=$(hash_of deploy/postgres/init/10-databases.sql)
  RABBITMQ_HASH=$(hash_of deploy/rabbitmq/rabbitmq.conf)
  POLICIES_HASH=$(hash_of deploy/rabbitmq/policies.json)
  export NGINX_HASH BACKENDS_HASH START_POSTGRES_HASH DATABASES_HASH RABBITMQ_HASH POLICIES_HASH
}

hash_of() {
  sha256sum "$1" | cut -c 1-12
}

main
