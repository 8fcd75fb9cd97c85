cwlVersion: v1.2
class: CommandLineTool
label: Show what a file of events holds
doc: Writes the format, table, number of events, clusters and columns of a file of events as JSON.
baseCommand: [helios-events, info]
arguments: [--format, json, --output, $(inputs.events.nameroot).info.json]
permanentFailCodes: [2]
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
  first_event:
    type: long?
    label: Position of the first event
    inputBinding: {prefix: --first-event}
  n_events:
    type: long?
    label: Number of events
    inputBinding: {prefix: --n-events}
outputs:
  info:
    type: File
    label: What the file holds
    outputBinding: {glob: $(inputs.events.nameroot).info.json}
