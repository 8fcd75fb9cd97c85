#!/bin/sh
# 2.5 million events of one seed, made in ranges at the same time and joined in order.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
work=${1:-$here/work}
[ $# -gt 0 ] || rm -rf "$work"
mkdir -p "$work" && cd "$work"

helios-wf run "$here/../../templates/generate_events/generate_events.cwl" "$here/job.yml" --outdir results
made=$(echo results/helios.mc.example.*/*.parquet)
helios-events info "$made"

# Events depend on the seed and their number alone: some made here are those within the production.
helios-events generate --seed 7 --first-event 1234567 --n-events 5 --output alone.csv
helios-events select "$made" --first-event 1234567 --n-events 5 --output within.csv
cmp alone.csv within.csv
