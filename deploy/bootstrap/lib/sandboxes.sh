# Sandbox containers, which runners make through the engine and compose knows nothing of. Sourced.

# Runners remove their own when they stop; one that was killed could not. The label runlet.runner
# names the container a sandbox belongs to: those of other stacks still have theirs.
remove_orphaned_sandboxes() {
  local sandbox owner
  docker ps -a --filter label=runlet.sandbox --format '{{.ID}} {{.Label "runlet.runner"}}' \
    | while read -r sandbox owner; do
      if ! is_alive "$owner"; then
        docker rm -f -v "$sandbox" >/dev/null || true
      fi
    done
}

# A runner outside of containers (host:...) looks after its sandboxes itself.
is_alive() {
  [[ $1 == host:* ]] || docker container inspect "$1" >/dev/null 2>&1
}
