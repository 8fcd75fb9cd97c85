cwlVersion: v1.2
class: CommandLineTool
$namespaces: {helios: "https://w3id.org/helios-wf#"}
label: Statistics of events
doc: |
  Writes the number of events, how often each status and each sensor occurs, the exact sum, mean, least and
  greatest of the energies, the number of energies above a threshold and their histogram, as JSON. Outputs for
  parts of the events, joined by stats_merge.cwl, give the same bytes as the output for all at once.
baseCommand: [helios-events, stats]
arguments: [--output, $(inputs.events.nameroot).stats.json]
permanentFailCodes: [2]
helios:events: {resident: stream}
hints:
  ResourceRequirement: {coresMin: 1, ramMin: 400}
inputs:
  events:
    type: File
    label: File of events
    inputBinding: {position: 1}
  table:
    type: string?
    label: Table of events, where the file holds several
    inputBinding: {prefix: --table}
  types:
    type:
      - "null"
      - {type: array, items: string, inputBinding: {prefix: --type}}
    label: Types of columns of text files
    doc: COLUMN=TYPE, over what the first rows suggest, e.g. run=string or energy=double.
  row_index:
    type: File?
    label: Where rows of a text file start
    doc: Made by "helios-events info --row-index"; spares a scan to the first event.
    inputBinding: {prefix: --row-index}
  filter:
    type: string?
    label: Condition that events must pass
    doc: For example 'energy > 80 and status == "active"'.
    inputBinding: {prefix: --filter}
  without:
    type: string[]?
    label: Parts to leave out
    doc: Of status, sensor and energy, those whose column the file does not have.
    inputBinding: {prefix: --without=, separate: false, itemSeparator: ","}
  status_column:
    type: string?
    label: Column counted as status
    doc: status if not given.
    inputBinding: {prefix: --status-column}
  sensor_column:
    type: string?
    label: Column counted as sensor
    doc: sensor_id if not given.
    inputBinding: {prefix: --sensor-column}
  energy_column:
    type: string?
    label: Column of numbers to add up
    doc: energy if not given.
    inputBinding: {prefix: --energy-column}
  threshold:
    type: double?
    label: Energies above it are high
    doc: 80 if not given.
    inputBinding: {prefix: --threshold}
  bins:
    type: int?
    label: Bins of the energy histogram
    doc: 100 if not given.
    inputBinding: {prefix: --bins}
  low:
    type: double?
    label: Where the histogram begins
    doc: 0 if not given.
    inputBinding: {prefix: --low}
  high:
    type: double?
    label: Where the histogram ends
    doc: 200 if not given.
    inputBinding: {prefix: --high}
  first_event:
    type: long?
    label: Position of the first event
    inputBinding: {prefix: --first-event}
  n_events:
    type: long?
    label: Number of events
    inputBinding: {prefix: --n-events}
  stream:
    type: boolean?
    label: Ranges of events come on standard input
    doc: Set by helios-wf, which starts the tool once for many ranges.
    inputBinding: {prefix: --stream}
outputs:
  statistics:
    type: File
    label: Statistics of the events, which can be merged
    outputBinding: {glob: $(inputs.events.nameroot).stats.json}
