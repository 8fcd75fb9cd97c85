cwlVersion: v1.2
class: Workflow
label: Decode, reconstruct and filter a range of events
inputs:
  raw: {type: File, label: File of raw events}
  constants: {type: File, label: Gain and offset of every sensor}
  keep: {type: string, label: Condition on reconstructed events}
  extension: {type: string, label: Extension of the output}
  first_event: {type: "long?", label: Position of the first event}
  n_events: {type: "long?", label: Number of events}
steps:
  decode:
    run: ../../cwl_tools/events_select.cwl
    in:
      events: raw
      filter: {default: 'status != "faulty"'}
      columns: {default: [event_id, timestamp, sensor_id, energy]}
      extension: {default: arrow}
      first_event: first_event
      n_events: n_events
    out: [selected]
  reconstruct:
    run: ../../cwl_tools/events_calibrate.cwl
    in: {events: decode/selected, constants: constants, extension: {default: arrow}}
    out: [calibrated]
  filter:
    run: ../../cwl_tools/events_select.cwl
    in: {events: reconstruct/calibrated, filter: keep, extension: extension}
    out: [selected]
outputs:
  kept: {type: File, outputSource: filter/selected}
