cwlVersion: v1.2
class: Workflow
label: Masses of the muon pairs of ROOT files, for each way to feed a tool
$namespaces: {helios: "https://w3id.org/helios-wf#"}
requirements: {ScatterFeatureRequirement: {}}
inputs: {events: "File[]", most: "long?"}
steps:
  masses:
    scatter: events
    in: {events: events, n_events: most}
    out: [masses]
    helios:split: {input: events, eventsPerJob: 1000}
    run:
      class: CommandLineTool
      helios:events: {resident: stream}
      baseCommand: python3
      inputs:
        program: {type: File, default: {class: File, location: masses.py}, inputBinding: {position: 0}}
        events: {type: File, inputBinding: {position: 1}}
        first_event: {type: "long?", inputBinding: {prefix: --first, position: 2}}
        n_events: {type: "long?", inputBinding: {prefix: --count, position: 2}}
        stream: {type: "boolean?", inputBinding: {position: 2, prefix: --stream}}
        exchange: {type: "string?", inputBinding: {position: 2, prefix: --exchange}}
      outputs: {masses: {type: File, outputBinding: {glob: masses.txt}}}
  join:
    in: {parts: masses/masses}
    out: [joined]
    helios:merge: {input: parts}
    run:
      class: CommandLineTool
      baseCommand: cat
      inputs: {parts: {type: "File[]", inputBinding: {position: 1}}}
      stdout: masses.txt
      outputs: {joined: stdout}
outputs: {joined: {type: File, outputSource: join/joined}}
