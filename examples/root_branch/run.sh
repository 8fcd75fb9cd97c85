#!/bin/sh
# Statistics of one branch of two ROOT files, through the template event_statistics.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
work=${1:-$here/work}
[ $# -gt 0 ] || rm -rf "$work"
mkdir -p "$work" && cd "$work"

# Two files with the branches Event and M, as an analysis might have left them.
make_file() {
    helios-events generate --event-id-column Event --energy-column M \
        --first-event "$2" --n-events 12000 --output all.root
    helios-events select all.root --columns Event,M --output "$1"
}
make_file first.root 0
make_file second.root 12000
helios-events info first.root

cat > job.yml <<END
events:
  - {class: File, path: first.root}
  - {class: File, path: second.root}
energy_column: M
without: [status, sensor]
threshold: 80
bins: 60
low: 60
high: 120
END

helios-wf run "$here/../../templates/event_statistics/event_statistics.cwl" job.yml \
    --set partial.split.eventsPerJob=5000 --outdir results

helios-events stats first.root second.root --energy-column M --without status,sensor \
    --threshold 80 --bins 60 --low 60 --high 120 --output at_once.json
cmp at_once.json results/statistics.json
