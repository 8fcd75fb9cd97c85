cwlVersion: v1.2
class: CommandLineTool
label: Add up counts
baseCommand: python3
inputs:
  program: {type: File, default: {class: File, location: add.py}, inputBinding: {position: -1}}
  parts: {type: "File[]", inputBinding: {position: 1}}
outputs:
  total: {type: stdout}
stdout: total.json
