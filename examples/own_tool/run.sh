#!/bin/sh
# Two logs of text, counted in ranges of 1000 lines by a program that knows nothing of helios-wf.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
work=${1:-$here/work}
[ $# -gt 0 ] || rm -rf "$work"
mkdir -p "$work" && cd "$work"

for part in 1 2; do
    awk -v part=$part 'BEGIN {
        for (i = 0; i < 3500; i++) print (i % 50 == part ? "ERROR" : i % 9 ? "INFO" : "WARNING"), "line", i
    }' > detector-$part.txt
done

helios-wf run "$here/kinds.cwl" --dataset 'detector.20300131.log=detector-*.txt' --outdir results
