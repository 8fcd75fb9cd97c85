#!/bin/sh
# A scan of cuts from Python: a run that generates events, and three in the background that select some of them.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
work=${1:-$here/work}
[ $# -gt 0 ] || rm -rf "$work"
mkdir -p "$work" && cd "$work"

python "$here/scan.py" "$work"
