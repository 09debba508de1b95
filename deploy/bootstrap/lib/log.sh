# What people read while things happen. Sourced.

step() {
  printf '==> %s\n' "$*"
}

note() {
  printf '    %s\n' "$*"
}

# fail SENTENCE...: one line each on stderr, then the end.
fail() {
  printf '\n' >&2
  printf '%s\n' "$@" >&2
  exit 1
}

# retry TIMES COMMAND...: for what a network can spoil.
retry() {
  local left=$1
  shift
  until "$@"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    note "That failed; trying again."
    sleep 3
  done
}

# quietly COMMAND...: its output only when it fails.
quietly() {
  local log
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    tail -n 40 "$log" >&2
    rm -f "$log"
    return 1
  fi
}
