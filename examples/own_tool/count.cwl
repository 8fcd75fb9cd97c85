cwlVersion: v1.2
class: CommandLineTool
label: Count the kinds of lines
baseCommand: python3
inputs:
  program: {type: File, default: {class: File, location: count.py}, inputBinding: {position: -1}}
  log: {type: File, inputBinding: {position: 1}}
  first_event: {type: "long?", inputBinding: {prefix: --first-event}}
  n_events: {type: "long?", inputBinding: {prefix: --n-events}}
outputs:
  counts: {type: stdout}
stdout: counts.json
