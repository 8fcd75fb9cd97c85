cwlVersion: v1.2
class: CommandLineTool
$namespaces: {helios: "https://w3id.org/helios-wf#"}
label: Select events and columns
doc: |
  Writes the events of a range that pass a condition, in their order, with all or some of their columns. The
  output may have another format than the input, so this tool also converts.
baseCommand: [helios-events, select]
arguments: [--output, $(inputs.events.nameroot).$(inputs.extension)]
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
  columns:
    type: string[]?
    label: Columns to keep, in this order
    inputBinding: {prefix: --columns, itemSeparator: ","}
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
  extension:
    type: string
    label: Extension of the output, which says its format
    doc: One of csv, csv.gz, jsonl, parquet, arrow, arrows, root, h5.
    default: csv
outputs:
  selected:
    type: File
    label: The selected events
    outputBinding: {glob: $(inputs.events.nameroot).$(inputs.extension)}
