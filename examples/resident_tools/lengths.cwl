cwlVersion: v1.2
class: CommandLineTool
label: A histogram of the lengths of lines
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:events: {resident: stream}
inputs:
  program: {type: File, label: "lengths.cpp, built", inputBinding: {position: -1}}
  stream: {type: "boolean?", inputBinding: {prefix: --stream}}
  first_event: {type: "long?", inputBinding: {prefix: --first-event}}
  n_events: {type: "long?", inputBinding: {prefix: --n-events}}
  log: {type: File, inputBinding: {position: 1}}
outputs:
  lengths: {type: File, outputBinding: {glob: lengths.txt}}
