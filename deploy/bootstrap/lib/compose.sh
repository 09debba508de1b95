# The compose command, and the compose project it speaks to. Sourced.

need log settings packages

COMPOSE=()
STACK=()
PROJECT=$(setting COMPOSE_PROJECT_NAME runlet)

ensure_compose() {
  find_compose || install_compose
}

find_compose() {
  if docker compose version >/dev/null 2>&1; then
    COMPOSE=(docker compose)
  elif command -v docker-compose >/dev/null; then
    COMPOSE=(docker-compose)
  else
    return 1
  fi
}

install_compose() {
  can_install_packages || fail "Docker answers, but there is no compose. Install the docker-compose-plugin or docker-compose package."
  # docker-compose 1.29, where the newer one is a package of its own, does not get on with new engines.
  if apt-cache show docker-compose-v2 >/dev/null 2>&1; then
    install_packages docker-compose-v2
  else
    install_packages docker-compose
  fi
  find_compose || fail "No compose command after installing docker-compose. Install the docker-compose-plugin package by hand."
}

# choose_stack FILE...
choose_stack() {
  local file
  STACK=(--project-directory "$PWD" -p "$PROJECT")
  [ -z "$ENV_FILE" ] || STACK+=(--env-file "$ENV_FILE")
  for file in "$@"; do
    STACK+=(-f "$PWD/$file")
  done
}

# The files `make up` wrote down, for commands that need no decision of their own.
choose_remembered_stack() {
  local -a files
  IFS=: read -ra files <<<"$(remembered COMPOSE_FILE)"
  choose_stack "${files[@]:-docker-compose.yml}"
}

compose() {
  "${COMPOSE[@]}" "${STACK[@]}" "$@"
}
