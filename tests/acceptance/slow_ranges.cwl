cwlVersion: v1.2
class: Workflow
label: Event ranges of a resident tool, and of one with a process for each, slow enough to be stopped anywhere
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: slow_ranges, version: 1, status: ACTUAL}
helios:retry: {attempts: 10}
requirements: {ScatterFeatureRequirement: {}, StepInputExpressionRequirement: {}}
inputs:
  raw: {type: "File[]", helios:mask: "slow.{run:04d}.raw"}
  nap: {type: string, default: "0.05"}
steps:
  label:
    scatter: raw
    in: {raw: raw, nap: nap}
    out: [labelled]
    helios:split: {input: raw, jobsPerFile: 1, eventsPerRange: 3}
    run:
      class: CommandLineTool
      helios:events: {resident: stream}
      baseCommand: python3
      inputs:
        program: {type: File, default: {class: File, location: slow_ranges.py}, inputBinding: {position: 0}}
        raw: {type: File, inputBinding: {position: 1}}
        nap: {type: string, inputBinding: {position: 2}}
        stream: {type: "boolean?", inputBinding: {position: 3, prefix: --stream}}
        first_event: {type: "long?"}
        n_events: {type: "long?"}
      outputs: {labelled: {type: File, outputBinding: {glob: labelled.txt}}}
  copy:
    scatter: raw
    in: {raw: raw, nap: nap}
    out: [copied]
    helios:split: {input: raw, eventsPerJob: 15, eventsPerRange: 5}
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'sleep "$1"; tail -n "+$(($2 + 1))" "$4" | head -n "$3" > copied.txt', sh]
      inputs:
        nap: {type: string, inputBinding: {position: 1}}
        first_event: {type: "long?", default: 0, inputBinding: {position: 2}}
        n_events: {type: "long?", default: 1000000, inputBinding: {position: 3}}
        raw: {type: File, inputBinding: {position: 4}}
      outputs: {copied: {type: File, outputBinding: {glob: copied.txt}}}
  join_labelled:
    in: {parts: label/labelled}
    out: [joined]
    helios:merge: {input: parts}
    run: &join
      class: CommandLineTool
      baseCommand: cat
      inputs: {parts: {type: "File[]", inputBinding: {position: 1}}}
      stdout: joined.txt
      outputs: {joined: stdout}
  join_copied:
    in: {parts: copy/copied}
    out: [joined]
    helios:merge: {input: parts}
    run: *join
outputs:
  labelled: {type: File, outputSource: join_labelled/joined, helios:dataset: "slow.{run:04d}.labelled.v{version}"}
  copied: {type: File, outputSource: join_copied/joined, helios:dataset: "slow.{run:04d}.copied.v{version}"}
