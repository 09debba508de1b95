# The containers of this stack, by their compose services. Sourced.

need compose

# containers_of SERVICE [ARGUMENT...]: the ids of those that run; -a: of all.
containers_of() {
  local service=$1
  shift
  docker ps -q --filter "label=com.docker.compose.project=$PROJECT" \
    --filter "label=com.docker.compose.service=$service" "$@"
}
