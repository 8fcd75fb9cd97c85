cwlVersion: v1.2
class: Workflow
label: Lines of the files of a run
doc: |
  Counts the lines of every file of a dataset, and joins the counts in the order of the files.
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: my_template, version: 1, status: DRAFT}
requirements:
  ScatterFeatureRequirement: {}
inputs:
  raw:
    type: File[]
    label: Files whose lines are counted
    # the datasets that this template takes; what stands in braces names the outputs
    helios:mask: "my_template.{run:06d}.raw"
steps:
  count:
    run: count.cwl
    scatter: raw
    in: {raw: raw}
    out: [lines]
  join:
    run: join.cwl
    in: {parts: count/lines}
    out: [joined]
    helios:merge: {input: parts}
outputs:
  lines:
    type: File
    label: Numbers of lines, a line for each file
    outputSource: join/joined
    helios:dataset: "my_template.{run:06d}.lines.v{version}"
