cwlVersion: v1.2
class: CommandLineTool
label: Calibrate energies
doc: |
  Writes the events of a range with every energy replaced by gain * (energy - offset), with the constants of
  the event's sensor. The constants are a table with a row for every sensor and the columns sensor_id (or
  another name, given as sensor_column), gain and offset.
baseCommand: [helios-events, calibrate]
arguments: [--output, $(inputs.events.nameroot).$(inputs.extension)]
permanentFailCodes: [2]
hints:
  ResourceRequirement: {coresMin: 1, ramMin: 400}
inputs:
  events:
    type: File
    label: File of events
    inputBinding: {position: 1}
  constants:
    type: File
    label: Table of constants
    inputBinding: {prefix: --constants}
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
  sensor_column:
    type: string?
    label: Column of sensors
    doc: sensor_id if not given.
    inputBinding: {prefix: --sensor-column}
  energy_column:
    type: string?
    label: Column of energies
    doc: energy if not given.
    inputBinding: {prefix: --energy-column}
  first_event:
    type: long?
    label: Position of the first event
    inputBinding: {prefix: --first-event}
  n_events:
    type: long?
    label: Number of events
    inputBinding: {prefix: --n-events}
  extension:
    type: string
    label: Extension of the output, which says its format
    doc: One of csv, csv.gz, jsonl, parquet, arrow, arrows, root, h5.
    default: csv
outputs:
  calibrated:
    type: File
    label: The events with corrected energies
    outputBinding: {glob: $(inputs.events.nameroot).$(inputs.extension)}
