#!/bin/sh
# Statistics of two generated CSV files, through the template event_statistics.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
work=${1:-$here/work}
[ $# -gt 0 ] || rm -rf "$work"
mkdir -p "$work" && cd "$work"

helios-events generate --seed 1 --n-events 60000 --output first.csv
helios-events generate --seed 1 --first-event 60000 --n-events 40000 --output second.csv

cat > job.yml <<END
events:
  - {class: File, path: first.csv}
  - {class: File, path: second.csv}
threshold: 100
END

helios-wf run "$here/../../templates/event_statistics/event_statistics.cwl" job.yml \
    --set partial.split.eventsPerJob=25000 --outdir results

# Exact sums: the events of both files at once give the same bytes.
helios-events stats first.csv second.csv --threshold 100 --output at_once.json
cmp at_once.json results/statistics.json
