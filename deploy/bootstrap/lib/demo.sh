# One program through the whole of Runlet, by the API, to show that it works. Sourced.

DEMO_SOURCE='squares = [n * n for n in range(1, 6)]\nprint(\"Hello from Runlet:\", squares)\n'

run_demo() {
  local base languages session execution result begun
  if ! command -v curl >/dev/null; then
    note "There is no curl here, so no program is run to show that it works. README.md shows one."
    return
  fi
  if [ -z "$(demo_token)" ] && [ -n "$(setting API_TOKENS_FILE "")" ]; then
    note "The tokens are in a file of the containers, so no program is run to show that it works."
    return
  fi
  base="http://$(reachable_address):$(setting GATEWAY_PORT 8080)"
  languages=$(call GET /languages)
  if [[ $languages != *'"id":"python"'* ]]; then
    note "Python is not among LANGUAGES, so no program is run to show that it works."
    return
  fi
  session=$(call POST /code-sessions '{"language":"python"}' | field session_id)
  call PATCH "/code-sessions/$session" "{\"source_code\":\"$DEMO_SOURCE\"}" >/dev/null
  begun=$(date +%s%3N)
  execution=$(call POST "/code-sessions/$session/run" | field execution_id)
  result=$(call GET "/executions/$execution?wait=30")
  show_result "$result" $(($(date +%s%3N) - begun))
}

reachable_address() {
  local address
  address=$(setting BIND_ADDRESS 127.0.0.1)
  [ "$address" != 0.0.0.0 ] || address=127.0.0.1
  printf '%s' "$address"
}

# call METHOD PATH [BODY]: the answer on one line without the spaces JSON may have after a colon.
call() {
  local token answer
  local -a options=(-sS --max-time 40 -X "$1" -H 'Content-Type: application/json')
  token=$(demo_token)
  # From standard input: everybody can read a command line.
  [ -z "$token" ] || options+=(-K -)
  [ -z "${3:-}" ] || options+=(--data "$3")
  answer=$(curl "${options[@]}" -w '\n%{http_code}' "$base$2" <<<"header = \"Authorization: Bearer $token\"") \
    || fail "$1 $base$2 got no answer." "make logs shows what the services say."
  [[ ${answer##*$'\n'} == 2?? ]] \
    || fail "$1 $base$2 failed: $answer" "make logs shows what the services say."
  tr -d '\n' <<<"${answer%$'\n'*}" | sed 's/": /":/g'
  printf '\n'
}

# The first of API_TOKENS, without its name, for between quotes in a file of curl's.
demo_token() {
  local first
  first=$(setting API_TOKENS "")
  first=${first%%,*}
  first=${first#*:}
  sed 's/^ *//; s/ *$//; s/["\\]/\\&/g' <<<"$first"
}

# field NAME: its value out of one line of JSON, a string still with its escapes.
field() {
  sed -nE "s/.*\"$1\":(\"(([^\"\\\\]|\\\\.)*)\"|([^,}\"]*)).*/\2\4/p"
}

show_result() {
  local result=$1 whole_ms=$2
  step "A program ran"
  printf '%b' "${DEMO_SOURCE//\\\"/\"}" | sed 's/^/    | /'
  printf '%b' "$(field stdout <<<"$result" | sed 's/\\"/"/g')" | sed 's/^/    > /'
  printf '\n'
  note "status $(field status <<<"$result"), run $(field execution_time_ms <<<"$result") ms," \
    "CPU $(field cpu_time_ms <<<"$result") ms, from request to result $whole_ms ms"
  [ "$(field status <<<"$result")" = COMPLETED ] \
    || fail "The program should have COMPLETED. Its execution: $result" "make logs shows what the services say."
}
