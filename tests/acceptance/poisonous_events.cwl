cwlVersion: v1.2
class: Workflow
label: A resident tool that some events end
$namespaces: {helios: "https://w3id.org/helios-wf#"}
requirements: {ScatterFeatureRequirement: {}}
inputs: {raw: "File[]", how: string, bad: string}
steps:
  copy:
    scatter: raw
    in: {raw: raw, how: how, bad: bad}
    out: [copied]
    helios:split: {input: raw, eventsPerJob: 500, eventsPerRange: 50}
    helios:tolerate: {events: 0.01}
    run:
      class: CommandLineTool
      helios:events: {resident: stream}
      requirements: {ToolTimeLimit: {timelimit: 3}}
      baseCommand: python3
      inputs:
        program: {type: File, default: {class: File, location: poisonous_events.py}, inputBinding: {position: 0}}
        raw: {type: File, inputBinding: {position: 1}}
        how: {type: string, inputBinding: {position: 2}}
        bad: {type: string, inputBinding: {position: 3}}
        stream: {type: "boolean?", inputBinding: {position: 4, prefix: --stream}}
        first_event: {type: "long?"}
        n_events: {type: "long?"}
      outputs: {copied: {type: File, outputBinding: {glob: copied.txt}}}
  join:
    in: {parts: copy/copied}
    out: [joined]
    helios:merge: {input: parts}
    run:
      class: CommandLineTool
      baseCommand: cat
      inputs: {parts: {type: "File[]", inputBinding: {position: 1}}}
      stdout: joined.txt
      outputs: {joined: stdout}
outputs: {joined: {type: File, outputSource: join/joined}}
