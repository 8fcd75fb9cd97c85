cwlVersion: v1.2
class: Workflow
label: Errors in logs, and how long their lines are
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: logs, version: 1, status: ACTUAL}
requirements: {ScatterFeatureRequirement: {}, StepInputExpressionRequirement: {}}
inputs:
  logs: {type: "File[]", helios:mask: "detector.{day:08d}.log"}
  program: File
  word: {type: string, default: ERROR}
steps:
  count:
    run: count.cwl
    scatter: log
    in: {log: logs, word: word}
    out: [count]
    helios:split: {input: log, eventsPerJob: 1000, eventsPerRange: 100}
  lengths:
    run: lengths.cwl
    scatter: log
    in: {log: logs, program: program}
    out: [lengths]
    helios:split: {input: log, eventsPerJob: 1000, eventsPerRange: 100}
  add_counts:
    run: add.cwl
    in: {parts: count/count, name: {default: errors.txt}}
    out: [sum]
    helios:merge: {input: parts}
  add_lengths:
    run: add.cwl
    in: {parts: lengths/lengths, name: {default: lengths.txt}}
    out: [sum]
    helios:merge: {input: parts}
outputs:
  errors: {type: File, outputSource: add_counts/sum, helios:dataset: "detector.{day:08d}.errors.v{version}"}
  lengths: {type: File, outputSource: add_lengths/sum, helios:dataset: "detector.{day:08d}.lengths.v{version}"}
