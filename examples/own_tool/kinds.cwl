cwlVersion: v1.2
class: Workflow
label: The kinds of lines in logs
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: kinds, version: 1, status: ACTUAL}
requirements: {ScatterFeatureRequirement: {}}
inputs:
  logs: {type: "File[]", helios:mask: "detector.{day:08d}.log"}
steps:
  count:
    run: count.cwl
    scatter: log
    in: {log: logs}
    out: [counts]
    helios:split: {input: log, eventsPerJob: 1000}
  add:
    run: add.cwl
    in: {parts: count/counts}
    out: [total]
    helios:merge: {input: parts}
outputs:
  kinds: {type: File, outputSource: add/total, helios:dataset: "detector.{day:08d}.kinds.v{version}"}
