#!/usr/bin/env bash
# Removes everything Runlet made on this machine, its data too. The engine itself stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source deploy/bootstrap/lib/need.sh
need log settings engine compose

main() {
  if engine_answers; then
    remove_from_engine
  else
    note "The Docker engine does not answer: containers, volumes and images, if there are any, stay."
  fi
  forget COMPOSE_PROJECT_NAME
  forget COMPOSE_FILE
  forget COMPOSE_PROFILES
  # What make runner wrote there.
  forget AMQP_URL
  forget AMQP_CA_FILE
  forget_old_secrets
  rm -rf .runlet .venv
  find deploy/ca-certificates -type f ! -name .gitkeep -delete
  step "Nothing of Runlet is left but this folder. The engine and official images it pulled stay."
}

# By labels, not by compose: that also finds what an interrupted test or another mode left.
remove_from_engine() {
  step "Removing Runlet's containers, networks, volumes and images"
  OWN_PROJECTS=$(own_projects | sort -u | paste -sd'|')
  projects "docker ps -a" | xargs_docker rm -f -v
  docker ps -aq --filter label=runlet.sandbox | xargs_docker rm -f -v
  projects "docker network ls" | xargs_docker network rm
  projects "docker volume ls" Name | xargs_docker volume rm -f
  docker images --format '{{.Repository}}:{{.Tag}}' 'runlet/*' | xargs_docker rmi -f
  docker image prune -f --filter label=runlet.image >/dev/null
}

# Plain compose commands name their project after this folder, where .env names no other.
own_projects() {
  printf '%s\n' "$PROJECT"
  docker ps -a --filter "label=com.docker.compose.project.working_dir=$PWD" \
    --format '{{.Label "com.docker.compose.project"}}'
}

# projects "docker LIST" [FIELD]: what belongs to this stack or to a test's.
projects() {
  $1 --format "{{.Label \"com.docker.compose.project\"}} {{.${2:-ID}}}" \
    | sed -nE "s/^($OWN_PROJECTS|runlet-(test|chaos|cluster|hosts|swarm|beside|alone)-[0-9]+) //p"
}

xargs_docker() {
  xargs -r docker "$@" >/dev/null
}

main
