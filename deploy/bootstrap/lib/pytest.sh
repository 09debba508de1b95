# Running pytest, and ending it with the script that runs it. Sourced.

# run_pytest ARGUMENT...: followed by PYTEST_ARGS, in which quotes work as in a shell.
run_pytest() {
  local -a arguments=()
  # xargs takes quotes as a shell would: PYTEST_ARGS='-k "this or that"'.
  [ -z "${PYTEST_ARGS:-}" ] || mapfile -t arguments < <(xargs -n1 printf '%s\n' <<<"$PYTEST_ARGS")
  .venv/bin/python -m pytest "$@" "${arguments[@]}"
}

# A signal that met only this script would leave pytest behind. It is given time to take down what
# its tests have started.
stop_children() {
  local children= left=100
  read -r children 2>/dev/null <"/proc/$$/task/$$/children" || true
  [ -n "$children" ] || return 0
  # shellcheck disable=SC2086 # a list of process ids
  kill $children 2>/dev/null || true
  # shellcheck disable=SC2086
  while [ "$left" -gt 0 ] && kill -0 $children 2>/dev/null; do
    sleep 0.2
    left=$((left - 1))
  done
}
