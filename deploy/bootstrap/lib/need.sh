# need PART...: lib/PART.sh, each once. A part names those that it needs itself. Sourced first, from
# the repository's root.

declare -A NEEDED_PARTS=()

need() {
  local part
  for part in "$@"; do
    if [ -z "${NEEDED_PARTS[$part]:-}" ]; then
      NEEDED_PARTS[$part]=yes
      # shellcheck source=/dev/null
      source "deploy/bootstrap/lib/$part.sh"
    fi
  done
}
