# What tests that were interrupted may have left. Sourced.

# remove_leftovers PROJECT: its containers, networks, volumes and its second engine.
remove_leftovers() {
  local label="label=com.docker.compose.project=$1" folder
  docker ps -aq --filter "$label" | xargs -r docker rm -f -v >/dev/null
  docker network ls -q --filter "$label" | xargs -r docker network rm >/dev/null
  docker volume ls -q --filter "$label" | xargs -r docker volume rm -f >/dev/null
  for folder in /var/tmp/"$1".*; do
    [ ! -d "$folder" ] || remove_second_engine "$folder"
  done
}

# remove_second_engine FOLDER: everything of a second engine is in its folder.
remove_second_engine() {
  end_process_of "$1" docker.pid
  end_process_of "$1" containerd.pid
  end_stragglers "$1"
  awk -v folder="$1/" 'index($2, folder) == 1 {print $2}' /proc/mounts | sort -r | xargs -r -n1 umount -l
  rm -rf "$1"
}

# end_process_of FOLDER FILE: only where the process still is the one that wrote the file.
end_process_of() {
  local pid left=100
  pid=$(cat "$1/$2" 2>/dev/null || true)
  if [ -z "$pid" ] || ! grep -qz -- "$1" "/proc/$pid/cmdline" 2>/dev/null; then
    return
  fi
  kill "$pid" || true
  while [ "$left" -gt 0 ] && grep -qz -- "$1" "/proc/$pid/cmdline" 2>/dev/null; do
    sleep 0.2
    left=$((left - 1))
  done
}

# end_stragglers FOLDER: shims name it, and their children are what ran in containers.
end_stragglers() {
  local file pid children
  for file in $(grep -lsz -- "$1" /proc/[0-9]*/cmdline); do
    pid=${file#/proc/}
    pid=${pid%/cmdline}
    read -r children 2>/dev/null <"/proc/$pid/task/$pid/children" || children=
    # shellcheck disable=SC2086 # a list of process ids
    kill -KILL $children "$pid" 2>/dev/null || true
  done
}
