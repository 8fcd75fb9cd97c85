cwlVersion: v1.2
class: Workflow
label: Statistics of a dataset of events
doc: |
  Counts the events, status and sensors of a dataset, sums up the energies, counts high ones and fills a
  histogram. Files are cut into event ranges; the sums are exact, so how they are cut does not show.
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: event_statistics, version: 1, status: ACTUAL}
requirements:
  ScatterFeatureRequirement: {}
inputs:
  events:
    type: File[]
    label: Files of events
    helios:mask: {mask: "helios.{run:06d}.{stream}.events", exclude: "**.test.**"}
  filter:
    type: string?
    label: Condition that events must pass
  without:
    type: string[]?
    label: Of status, sensor and energy, those that the files do not have
  status_column:
    type: string?
    label: Column counted as status
  sensor_column:
    type: string?
    label: Column counted as sensor
  energy_column:
    type: string?
    label: Column of numbers to add up
  table:
    type: string?
    label: Table of events, where files hold several
  threshold:
    type: double
    label: Energies above it are high
    default: 80
  bins:
    type: int
    label: Bins of the energy histogram
    default: 100
  low:
    type: double
    label: Where the histogram begins
    default: 0
  high:
    type: double
    label: Where the histogram ends
    default: 200
steps:
  partial:
    run: ../../cwl_tools/events_stats.cwl
    scatter: events
    in:
      events: events
      filter: filter
      without: without
      status_column: status_column
      sensor_column: sensor_column
      energy_column: energy_column
      table: table
      threshold: threshold
      bins: bins
      low: low
      high: high
    out: [statistics]
    helios:split: {input: events, eventsPerJob: 50000000}
  merge:
    run: ../../cwl_tools/stats_merge.cwl
    in: {parts: partial/statistics}
    out: [merged]
    helios:merge: {input: parts, maxInputs: 500}
outputs:
  statistics:
    type: File
    label: Statistics of all the events
    outputSource: merge/merged
    helios:dataset: "helios.{run:06d}.{stream}.statistics.v{version}"
