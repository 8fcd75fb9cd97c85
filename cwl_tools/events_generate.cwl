cwlVersion: v1.2
class: CommandLineTool
label: Make synthetic events
doc: |
  Writes events with the columns event_id, timestamp, sensor_id, energy and status. An event depends on the
  seed and its number alone: the range first_event, n_events is the same whether it is made alone or among
  others, so a step that runs this tool can be split without an input dataset.
baseCommand: [helios-events, generate]
arguments: [--output, $(inputs.stem).$(inputs.extension)]
permanentFailCodes: [2]
hints:
  ResourceRequirement: {coresMin: 1, ramMin: 400}
inputs:
  seed:
    type: long
    label: Seed
    default: 1
    inputBinding: {prefix: --seed}
  sensors:
    type: int
    label: Number of sensors
    default: 64
    inputBinding: {prefix: --sensors}
  first_event:
    type: long?
    label: Number of the first event
    doc: 0 if not given.
    inputBinding: {prefix: --first-event}
  n_events:
    type: long?
    label: Number of events
    doc: 1000 if not given.
    inputBinding: {prefix: --n-events}
  stem:
    type: string
    label: Name of the output without its extension
    default: events
  extension:
    type: string
    label: Extension of the output, which says its format
    doc: One of csv, csv.gz, jsonl, parquet, arrow, arrows, root, h5.
    default: csv
outputs:
  events:
    type: File
    label: The events
    outputBinding: {glob: $(inputs.stem).$(inputs.extension)}
