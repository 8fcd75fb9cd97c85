cwlVersion: v1.2
class: CommandLineTool
label: Join files of events
doc: |
  Writes the events of files with the same columns into one file, in the order given. Joining joined files
  gives the same events as joining all at once.
baseCommand: [helios-events, merge]
arguments: [--output, $(inputs.stem).$(inputs.extension)]
permanentFailCodes: [2]
hints:
  ResourceRequirement: {coresMin: 1, ramMin: 400}
inputs:
  parts:
    type: File[]
    label: Files of events, in order
    inputBinding: {position: 1}
  table:
    type: string?
    label: Table of events, where the files hold several
    inputBinding: {prefix: --table}
  types:
    type:
      - "null"
      - {type: array, items: string, inputBinding: {prefix: --type}}
    label: Types of columns of text files
    doc: COLUMN=TYPE, over what the first rows suggest, e.g. run=string or energy=double.
  first_event:
    type: long?
    label: Position of the first event, counted through the files
    inputBinding: {prefix: --first-event}
  n_events:
    type: long?
    label: Number of events
    inputBinding: {prefix: --n-events}
  stem:
    type: string
    label: Name of the output without its extension
    default: merged
  extension:
    type: string
    label: Extension of the output, which says its format
    doc: One of csv, csv.gz, jsonl, parquet, arrow, arrows, root, h5.
    default: csv
outputs:
  merged:
    type: File
    label: All the events
    outputBinding: {glob: $(inputs.stem).$(inputs.extension)}
