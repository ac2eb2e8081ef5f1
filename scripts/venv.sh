# shellcheck shell=bash
# Sourced by the scripts beside it. Gives: ensure_venv EXTRAS — a .venv with erlmcp installed in it and its extensions
# compiled, rebuilt only when what it is made from has changed. VENV names another place than .venv; PYTHON another interpreter.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${VENV:-$root/.venv}
PYTHON=${PYTHON:-python3}

say() { printf '%s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

# Debian splits venv and the headers off python3; ask for them by name where we may, say their names where we may not.
debian_packages() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then die "$1; on Debian: apt-get install $2"; fi
  say "installing $2"
  # shellcheck disable=SC2086  # several package names
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $2; } >&2 || die "$1"
}

make_venv() {
  "$PYTHON" -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13)))' 2>/dev/null ||
    die "erlmcp needs Python 3.11 to 3.13; '$PYTHON' is $("$PYTHON" --version 2>&1 || echo missing). Set PYTHON=/path/to/python"
  "$PYTHON" -c 'import ensurepip' 2>/dev/null || debian_packages "python3 has no venv module" python3-venv
  say "making $VENV with $("$PYTHON" --version)"
  "$PYTHON" -m venv --clear "$VENV"
}

# What the installation is made from: a change in any of it means another install.
fingerprint() {
  {
    printf '%s %s %s\n' "$1" "${ERLMCP_PURE:-0}" "${ERLMCP_REQUIRE_SPEEDUPS:-0}"
    "$VENV/bin/python" -VV
    (cd "$root" && cat pyproject.toml setup.py && find erlmcp/_speedups -name '*.p[yx][xd]' | LC_ALL=C sort | xargs -r cat)
  } | sha256sum
}

# ensure_venv EXTRAS: EXTRAS as in pip's brackets, "" for none. A venv that already has "dev" serves for "" too.
ensure_venv() {
  local extras=$1 stamp wanted
  [ -x "$VENV/bin/python" ] || make_venv
  stamp=$VENV/.erlmcp-installed
  [ -z "$extras" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint dev)" ] && return
  wanted=$(fingerprint "$extras")
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return
  if command -v cc >/dev/null && ! "$VENV/bin/python" -c \
    'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))'; then
    debian_packages "a C compiler is here, but not the Python headers" python3-dev
  fi
  say "installing erlmcp${extras:+[$extras]} into $VENV (a minute or two the first time)"
  (cd "$root" && "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check -e ".${extras:+[$extras]}") || die "the install failed"
  "$VENV/bin/python" -c 'import sys; from erlmcp._speedups import BACKEND; sys.exit(BACKEND != "compiled")' ||
    say "warning: the compiled extensions are not in use: the pure-Python twins serve, several times slower (is a C compiler installed?)"
  printf '%s\n' "$wanted" >"$stamp"
}
