#!/bin/sh
# Two logs of text; one program in shell and one in C++, each started once for a job, and fed with event ranges.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
work=${1:-$here/work}
[ $# -gt 0 ] || rm -rf "$work"
mkdir -p "$work" && cd "$work"

"${CXX:-c++}" -std=c++17 -O2 -o lengths "$here/lengths.cpp"
for part in 1 2; do
    awk -v part=$part 'BEGIN {
        for (i = 0; i < 1500; i++) print (i % 50 == part ? "ERROR" : i % 9 ? "INFO" : "WARNING"), "line", i
    }' > detector-$part.txt
done
echo 'program: {class: File, path: lengths}' > job.yml

helios-wf run "$here/logs.cwl" job.yml --dataset 'detector.20300131.log=detector-*.txt' --outdir results
