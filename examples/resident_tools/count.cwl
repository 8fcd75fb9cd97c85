cwlVersion: v1.2
class: CommandLineTool
label: Count the lines that hold a word
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:events: {resident: stream}
baseCommand: sh
inputs:
  program: {type: File, default: {class: File, location: count.sh}, inputBinding: {position: -2}}
  stream: {type: "boolean?", inputBinding: {position: -1, prefix: --stream}}
  first_event: {type: "long?", inputBinding: {position: -1, prefix: --first-event}}
  n_events: {type: "long?", inputBinding: {position: -1, prefix: --n-events}}
  word: {type: string, inputBinding: {position: 1}}
  log: {type: File, inputBinding: {position: 2}}
outputs:
  count: {type: File, outputBinding: {glob: count.txt}}
