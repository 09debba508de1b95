# Starting the stack and waiting until all of it is well. Sourced.

HEALTH_TIMEOUT_SECONDS=180

start_stack() {
  step "Starting Runlet"
  quietly compose up -d --remove-orphans "$@" || explain_failure
  wait_until_healthy
}

wait_until_healthy() {
  local deadline=$((SECONDS + HEALTH_TIMEOUT_SECONDS)) asked=
  while [ -n "$(unwell)" ]; do
    [ "$SECONDS" -lt "$deadline" ] || explain_failure
    if [ -z "$asked" ]; then
      note "Waiting for: $(unwell | cut -d'|' -f1 | paste -sd' ')"
      asked=yes
    fi
    sleep 0.5
  done
}

# SERVICE|CONTAINER|STATUS of every container that is not as it should be.
unwell() {
  docker ps -a --filter "label=com.docker.compose.project=$PROJECT" --filter label=com.docker.compose.oneoff=False \
    --format '{{.Label "com.docker.compose.service"}}|{{.Names}}|{{.Status}}' \
    | grep -vE '\(healthy\)$|^(runtimes|[a-z]+-migrate)\|[^|]*\|Exited \(0\)' || true
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
  all=$(unwell)
  grep -v 'health: starting' <<<"$all" || printf '%s\n' "$all"
}
