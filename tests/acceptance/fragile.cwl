cwlVersion: v1.2
class: Workflow
label: A tool that fails on some events, for each way to feed it
$namespaces: {helios: "https://w3id.org/helios-wf#", cwltool: "http://commonwl.org/cwltool#"}
helios:template: {template: fragile, version: 1, status: ACTUAL}
requirements: {ScatterFeatureRequirement: {}}
inputs:
  raw: {type: "File[]", helios:mask: "fragile.{run:04d}.raw"}
steps:
  number:
    scatter: raw
    in: {raw: raw}
    out: [numbered]
    helios:split: {input: raw, jobsPerFile: 1, eventsPerRange: 16}
    run:
      class: CommandLineTool
      helios:events: {resident: stream}
      requirements: {ToolTimeLimit: {timelimit: 2}}
      baseCommand: python3
      inputs:
        program: {type: File, default: {class: File, location: fragile.py}, inputBinding: {position: 0}}
        raw: {type: File, inputBinding: {position: 1}}
        first_event: {type: "long?", inputBinding: {prefix: --first, position: 2}}
        n_events: {type: "long?", inputBinding: {prefix: --count, position: 2}}
        stream: {type: "boolean?", inputBinding: {position: 2, prefix: --stream}}
        exchange: {type: "string?", inputBinding: {position: 2, prefix: --exchange}}
      outputs: {numbered: {type: File, outputBinding: {glob: numbered.txt}}}
  mark:
    scatter: part
    in: {part: number/numbered}
    out: [marked]
    run:
      class: CommandLineTool
      baseCommand: [sed, s/$/ marked/]
      inputs: {part: {type: File, inputBinding: {position: 1}}}
      stdout: marked.txt
      outputs: {marked: stdout}
  join:
    in: {parts: number/numbered}
    out: [joined]
    helios:merge: {input: parts}
    run: &join
      class: CommandLineTool
      baseCommand: cat
      inputs: {parts: {type: "File[]", inputBinding: {position: 1}}}
      stdout: joined.txt
      outputs: {joined: stdout}
  join_marked:
    in: {parts: mark/marked}
    out: [joined]
    helios:merge: {input: parts, maxInputs: 3}
    run: *join
outputs:
  joined: {type: File, outputSource: join/joined, helios:dataset: "fragile.{run:04d}.joined.v{version}"}
  marked: {type: File, outputSource: join_marked/joined, helios:dataset: "fragile.{run:04d}.marked.v{version}"}
  parts: {type: "File[]", outputSource: number/numbered, helios:dataset: "fragile.{run:04d}.parts.v{version}"}
