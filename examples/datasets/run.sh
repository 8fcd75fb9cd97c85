#!/bin/sh
# Raw events of two runs and their calibrations, as datasets that the template online_filter takes by name.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
template="$here/../../templates/online_filter/online_filter.cwl"
work=${1:-$here/work}
[ $# -gt 0 ] || rm -rf "$work"
mkdir -p "$work" && cd "$work"

for run in 101 102; do
    helios-events generate --seed $run --n-events 30000 --output raw-$run-a.csv
    helios-events generate --seed $run --first-event 30000 --n-events 20000 --output raw-$run-b.csv
    helios-wf dataset add helios.000$run.physics.raw raw-$run-a.csv raw-$run-b.csv --close --meta quality=good
    for version in 1 2; do
        awk -v gain=1.0$version 'BEGIN {
            print "sensor_id,gain,offset"
            for (sensor = 0; sensor < 64; sensor++) print sensor "," gain ",0.25"
        }' > calibration-$run-v$version.csv
        helios-wf dataset add helios.000$run.calibration.v$version calibration-$run-v$version.csv --close
    done
done

# Neither job file nor datasets are given: every combination of closed datasets that matches, once.
helios-wf run "$template" --outdir results
helios-wf dataset list

# Nothing is left to do: a second time starts no run.
helios-wf run "$template" --outdir results
