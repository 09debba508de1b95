# Starting the stack and waiting until all of it is healthy. Sourced.

need log compose

HEALTH_TIMEOUT_SECONDS=180

start_stack() {
  step "Starting Runlet"
  quietly compose up -d --remove-orphans "$@" || explain_failure
  wait_until_healthy
}

wait_until_healthy() {
  local deadline=$((SECONDS + HEALTH_TIMEOUT_SECONDS)) asked='' late
  while late=$(unhealthy_services) && [ -n "$late" ]; do
    [ "$SECONDS" -lt "$deadline" ] || explain_failure
    if [ -z "$asked" ]; then
      note "Waiting for: $(cut -d'|' -f1 <<<"$late" | paste -sd' ')"
      asked=yes
    fi
    sleep 0.5
  done
}

# SERVICE|CONTAINER|STATUS of every container that is not as it should be.
unhealthy_services() {
  local service container status
  docker ps -a --filter "label=com.docker.compose.project=$PROJECT" --filter label=com.docker.compose.oneoff=False \
    --format '{{.Label "com.docker.compose.service"}}|{{.Names}}|{{.Status}}' \
    | while IFS='|' read -r service container status; do
      is_healthy "$service" "$container" "$status" || printf '%s|%s|%s\n' "$service" "$container" "$status"
    done
}

is_healthy() {
  case "$1:$3" in
    *'(healthy)' | secrets:'Exited (0)'* | postgres-passwords:'Exited (0)'* | broker-prepare:'Exited (0)'* | *-migrate:'Exited (0)'* | runtimes:'Exited (0)'*) ;;
    # The engine asks seldom, so at the start the container's own check is asked here.
    *'(health: starting)') passes_its_check "$2" ;;
    *) return 1 ;;
  esac
}

passes_its_check() {
  local -a check
  mapfile -t check < <(docker inspect --format '{{range slice .Config.Healthcheck.Test 1}}{{println .}}{{end}}' "$1" | sed '/^$/d')
  docker exec "$1" "${check[@]}" >/dev/null 2>&1 </dev/null
}

explain_failure() {
  local service container status failed
  failed=$(failed_services)
  while IFS='|' read -r service container status; do
    [ -n "$service" ] || continue
    printf '\n--- %s: %s\n' "$service" "$status" >&2
    docker logs --tail 20 "$container" >&2 2>&1 || true
  done <<<"$failed"
  fail "Runlet did not come up. At fault: $(cut -d'|' -f1 <<<"$failed" | sort -u | paste -sd' ' | sed 's/^$/see above/')." \
    "The last lines of their logs stand above." \
    "Mend the cause and run the same command again. make clean starts from nothing, and deletes all data."
}

# Those still starting are at fault only when nothing else is.
failed_services() {
  local all
  all=$(unhealthy_services)
  grep -v 'health: starting' <<<"$all" || printf '%s\n' "$all"
}
