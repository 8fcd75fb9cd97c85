cwlVersion: v1.2
class: Workflow
label: Steps that can be kept at a gate, fail, be skipped, and wait for one another
$namespaces: {helios: "https://w3id.org/helios-wf#"}
requirements:
  ScatterFeatureRequirement: {}
  SubworkflowFeatureRequirement: {}
  StepInputExpressionRequirement: {}
  InlineJavascriptRequirement: {}
inputs:
  n: "int[]"
  gate: {type: string, default: /nonexistent}
  bad: {type: int, default: -1}
  many: {type: int, default: 3}
  ram: {type: int, default: 64}
steps:
  fetch:
    scatter: x
    in: {x: n, gate: gate, ram: ram}
    out: [made]
    run:
      class: CommandLineTool
      requirements: {ResourceRequirement: {ramMin: $(inputs.ram)}}
      baseCommand: [sh, -c, 'echo fetching $0 >&2; echo said $0; while [ -e "$1" ]; do sleep 0.02; done; echo $0 > made.txt']
      inputs:
        x: {type: int, inputBinding: {position: 1}}
        gate: {type: string, inputBinding: {position: 2}}
        ram: int
      outputs: {made: {type: File, outputBinding: {glob: made.txt}}}
  process:
    scatter: made
    in: {made: fetch/made, bad: bad}
    out: [out]
    run:
      class: Workflow
      inputs: {made: File, bad: int}
      outputs: {out: {type: File, outputSource: copy/out}}
      steps:
        check:
          in: {made: made, bad: bad}
          out: [out]
          run:
            class: CommandLineTool
            baseCommand: [sh, -c, 'echo "checking $0" >&2; if [ $(cat "$0") = "$1" ]; then kill -$(cat "$0") $$; exit 7; fi; cat "$0" > out.txt']
            inputs:
              made: {type: File, inputBinding: {position: 1}}
              bad: {type: int, inputBinding: {position: 2}}
            outputs: {out: {type: File, outputBinding: {glob: out.txt}}}
        copy:
          in: {checked: check/out}
          out: [out]
          run:
            class: CommandLineTool
            baseCommand: cat
            inputs: {checked: {type: File, inputBinding: {position: 1}}}
            stdout: copied.txt
            outputs: {out: stdout}
  choose:
    scatter: out
    in: {out: process/out, many: many, x: {source: n, valueFrom: $(self.length)}}
    when: $(inputs.many > inputs.x)
    out: [out]
    run:
      class: CommandLineTool
      baseCommand: cat
      inputs: {out: {type: File, inputBinding: {position: 1}}}
      stdout: chosen.txt
      outputs: {out: stdout}
  join:
    in: {outs: process/out}
    out: [all]
    run:
      class: CommandLineTool
      baseCommand: cat
      inputs: {outs: {type: "File[]", inputBinding: {position: 1}}}
      stdout: all.txt
      outputs: {all: stdout}
outputs: {all: {type: File, outputSource: join/all}}
