#!/bin/sh
# Options, JavaScript files and whatever is not a command go to node.
case "$1" in
  -*) exec node "$@" ;;
esac
if ! command -v "$1" >/dev/null || { [ -f "$1" ] && [ ! -x "$1" ]; }; then
  exec node "$@"
fi
exec "$@"
