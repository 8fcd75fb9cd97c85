cwlVersion: v1.2
class: CommandLineTool
label: Add up the last numbers of lines that begin alike
baseCommand: [awk, '{n[NF > 1 ? $1 : "all"] += $NF} END {for (key in n) print key, n[key] | "sort -n"}']
inputs:
  parts: {type: "File[]", inputBinding: {position: 1}}
  name: string
outputs:
  sum: {type: stdout}
stdout: $(inputs.name)
