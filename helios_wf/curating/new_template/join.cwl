cwlVersion: v1.2
class: CommandLineTool
label: Texts joined in their order
baseCommand: cat
inputs:
  parts:
    type: File[]
    label: Text files
    inputBinding: {position: 1}
permanentFailCodes: [1]
stdout: joined.txt
outputs:
  joined:
    type: stdout
    label: All of them in one file
