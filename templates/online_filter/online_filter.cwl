cwlVersion: v1.2
class: Workflow
label: Filter the raw events of a stream
doc: |
  For each event range of the raw files: decodes (leaves out faulty events), reconstructs (calibrates the
  energies with the latest constants of the run) and filters. What is kept is joined into files of about 2 GB.
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: online_filter, version: 1, status: ACTUAL, rank: 10}
requirements:
  ScatterFeatureRequirement: {}
  SubworkflowFeatureRequirement: {}
  MultipleInputFeatureRequirement: {}
inputs:
  raw:
    type: File[]
    label: Files of raw events
    helios:mask: {mask: "helios.{run:06d}.{stream}.raw", exclude: ["**.test.**", "**.cosmics.**"]}
  constants:
    type: File
    label: Gain and offset of every sensor
    helios:mask: {mask: "helios.{run:06d}.calibration.v{calibration:int}", pick: last}
  keep:
    type: string
    label: Condition on reconstructed events
    default: energy > 80
  extension:
    type: string
    label: Extension of the outputs, which says their format
    default: parquet
steps:
  process:
    run: chain.cwl
    scatter: raw
    in: {raw: raw, constants: constants, keep: keep, extension: extension}
    out: [kept]
    helios:split: {input: raw, eventsPerJob: 1000000}
  merge:
    run: ../../cwl_tools/events_merge.cwl
    in: {parts: process/kept, extension: extension}
    out: [merged]
    helios:merge: {input: parts, targetSize: 2 GB}
outputs:
  kept:
    type: File[]
    label: The events that passed, in their order
    outputSource: [merge/merged]
    linkMerge: merge_flattened
    helios:dataset: "helios.{run:06d}.{stream}.kept.v{version}"
