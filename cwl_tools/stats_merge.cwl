cwlVersion: v1.2
class: CommandLineTool
label: Join statistics of events
doc: |
  Adds up statistics that events_stats.cwl made of parts of the events, exactly: the output does not depend on
  how the events were cut into parts, nor on the order or depth of the joining.
baseCommand: [helios-events, merge]
arguments: [--output, $(inputs.stem).json]
permanentFailCodes: [2]
hints:
  ResourceRequirement: {coresMin: 1, ramMin: 400}
inputs:
  parts:
    type: File[]
    label: Statistics of parts
    inputBinding: {position: 1}
  stem:
    type: string
    label: Name of the output without its extension
    default: statistics
outputs:
  merged:
    type: File
    label: Statistics of all the events
    outputBinding: {glob: $(inputs.stem).json}
