# Packages of the distribution. Sourced.

need log

can_install_packages() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

# install_packages NAME...: those the distribution knows; a missing one shows when it is used.
install_packages() {
  local -a known=()
  local name
  step "Installing from the distribution's packages: $*"
  retry 3 apt-get -q update >/dev/null || fail "apt-get update failed. Check this machine's network and package sources, then try again."
  for name in "$@"; do
    apt-cache show "$name" >/dev/null 2>&1 && known+=("$name")
  done
  DEBIAN_FRONTEND=noninteractive retry 3 apt-get -q install -y --no-install-recommends "${known[@]}" >/dev/null \
    || fail "apt-get could not install: ${known[*]}. Its messages stand above."
}
