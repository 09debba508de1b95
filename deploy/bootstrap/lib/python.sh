# .venv with what the tests and linters need, exactly as locked. Sourced.

need log packages

VENV_STAMP=.venv/.runlet-requirements

ensure_venv() {
  local python want
  python=$(find_python) || python=$(install_python)
  want=$("$python" --version; sha256sum tests/requirements.lock)
  if venv_works && [ "$(cat "$VENV_STAMP" 2>/dev/null)" = "$want" ]; then
    return
  fi
  step "Preparing .venv"
  venv_works || "$python" -m venv --clear .venv
  quietly retry 3 .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r tests/requirements.lock \
    || fail "The tests' Python packages could not be installed; pip's reason stands above." \
      "Check this machine's network and run the command again."
  printf '%s\n' "$want" >"$VENV_STAMP"
}

venv_works() {
  .venv/bin/python -c 'import pip' 2>/dev/null
}

find_python() {
  local name
  for name in python3 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}

install_python() {
  can_install_packages || fail "The tests need Python 3.11 or newer with its venv module. Install python3 and python3-venv."
  install_packages python3 python3-venv >&2
  find_python || fail "This distribution's Python is older than 3.11, which the tests need. Install a newer one as python3.11."
}
