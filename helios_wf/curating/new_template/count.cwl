cwlVersion: v1.2
class: CommandLineTool
label: Number of lines of a file
baseCommand: [grep, --count, ""]
inputs:
  raw:
    type: File
    label: A text file
    inputBinding: {position: 1}
# grep ends with 1 where there is no line
successCodes: [0, 1]
permanentFailCodes: [2]
stdout: lines.txt
outputs:
  lines:
    type: stdout
    label: The number
