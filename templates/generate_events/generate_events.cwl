cwlVersion: v1.2
class: Workflow
label: Generate synthetic events
doc: |
  Makes events without an input dataset. The number of events is cut into ranges, which are made at the same
  time and joined in order into files of about 2 GB; the events do not depend on how they are cut.
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: generate_events, version: 1, status: ACTUAL}
requirements:
  MultipleInputFeatureRequirement: {}
inputs:
  campaign:
    type: string
    label: Name of the production, a part of the dataset's name
  seed:
    type: long
    label: Seed
  n_events:
    type: long
    label: Number of events
  first_event:
    type: long
    label: Number of the first event
    default: 0
  sensors:
    type: int
    label: Number of sensors
    default: 64
  extension:
    type: string
    label: Extension of the outputs, which says their format
    default: parquet
steps:
  generate:
    run: ../../cwl_tools/events_generate.cwl
    in: {seed: seed, sensors: sensors, extension: extension, first_event: first_event, n_events: n_events}
    out: [events]
    helios:split: {eventsPerJob: 1000000}
  merge:
    run: ../../cwl_tools/events_merge.cwl
    in:
      parts: {source: [generate/events], linkMerge: merge_flattened}
      extension: extension
    out: [merged]
    helios:merge: {input: parts, targetSize: 2 GB}
outputs:
  events:
    type: File[]
    label: The events, in their order
    outputSource: [merge/merged]
    linkMerge: merge_flattened
    helios:dataset: "helios.mc.{campaign}.s{seed:06d}.f{first_event}.events.v{version}"
