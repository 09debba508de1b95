# One program through the whole of Runlet, by the API, to show that it works. Sourced.

need log settings containers

# In a container of the stack, because this machine may have no Python.
run_demo() {
  local address port container
  address=$(reachable_address)
  port=$(setting GATEWAY_PORT 8080)
  timeout 5 bash -c ": <>/dev/tcp/$address/$port" 2>/dev/null || fail "Nothing answers on $address:$port, where the gateway should."
  container=$(containers_of session-api | head -n 1)
  docker exec -i "$container" python - <deploy/bootstrap/demo.py \
    || fail "make logs shows what the services say."
}

reachable_address() {
  local address
  address=$(setting BIND_ADDRESS 127.0.0.1)
  [ "$address" != 0.0.0.0 ] || address=127.0.0.1
  printf '%s' "$address"
}
