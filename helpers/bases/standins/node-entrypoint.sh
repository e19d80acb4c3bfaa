#!/bin/sh
# What is an option, a file of JavaScript or no command at all is node's business.
case "$1" in
  -*) exec node "$@" ;;
esac
if ! command -v "$1" >/dev/null || { [ -f "$1" ] && [ ! -x "$1" ]; }; then
  exec node "$@"
fi
exec "$@"
