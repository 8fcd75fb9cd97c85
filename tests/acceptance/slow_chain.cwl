cwlVersion: v1.2
class: Workflow
label: A chain for each event range, slow enough to be stopped anywhere
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: slow_chain, version: 1, status: ACTUAL}
requirements:
  ScatterFeatureRequirement: {}
  SubworkflowFeatureRequirement: {}
  MultipleInputFeatureRequirement: {}
inputs:
  raw: {type: "File[]", helios:mask: "slow.{run:04d}.raw"}
  run: {type: int, helios:value: "{run}"}
  nap: {type: string, default: "0.05"}
steps:
  process:
    scatter: raw
    in: {raw: raw, run: run, nap: nap}
    out: [kept]
    helios:split: {input: raw, eventsPerJob: 10}
    run:
      class: Workflow
      inputs: {raw: File, run: int, nap: string, first_event: "long?", n_events: "long?"}
      outputs: {kept: {type: File, outputSource: filter/out}}
      steps:
        decode:
          in: {raw: raw, nap: nap, first: first_event, n: n_events}
          out: [out]
          run:
            class: CommandLineTool
            baseCommand: [sh, -c, 'sleep "$1"; tail -n "+$(($2 + 1))" "$4" | head -n "$3"', sh]
            inputs:
              nap: {type: string, inputBinding: {position: 1}}
              first: {type: "long?", default: 0, inputBinding: {position: 2}}
              n: {type: "long?", default: 1000000, inputBinding: {position: 3}}
              raw: {type: File, inputBinding: {position: 4}}
            stdout: decoded.txt
            outputs: {out: stdout}
        reconstruct:
          in: {events: decode/out, run: run, nap: nap}
          out: [out]
          run:
            class: CommandLineTool
            baseCommand: [sh, -c, 'while read -r event; do echo "$2 $event"; done < "$3"; sleep "$1"', sh]
            inputs:
              nap: {type: string, inputBinding: {position: 1}}
              run: {type: int, inputBinding: {position: 2}}
              events: {type: File, inputBinding: {position: 3}}
            stdout: reconstructed.txt
            outputs: {out: stdout}
        filter:
          in: {events: reconstruct/out, nap: nap}
          out: [out]
          run:
            class: CommandLineTool
            baseCommand: [sh, -c, 'grep -v 3 "$2" > kept.txt; sleep "$1"', sh]
            inputs:
              nap: {type: string, inputBinding: {position: 1}}
              events: {type: File, inputBinding: {position: 2}}
            outputs: {out: {type: File, outputBinding: {glob: kept.txt}}}
  merge:
    in: {parts: process/kept}
    out: [merged]
    helios:merge: {input: parts, targetSize: 200 B}
    run:
      class: CommandLineTool
      baseCommand: cat
      inputs: {parts: {type: "File[]", inputBinding: {position: 1}}}
      stdout: merged.txt
      outputs: {merged: stdout}
  count:
    scatter: raw
    in: {raw: raw, nap: nap}
    out: [lines]
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'sleep "$1"; wc -l < "$2" > lines.txt', sh]
      inputs:
        nap: {type: string, inputBinding: {position: 1}}
        raw: {type: File, inputBinding: {position: 2}}
      outputs: {lines: {type: File, outputBinding: {glob: lines.txt}}}
outputs:
  kept:
    type: File[]
    outputSource: [merge/merged]
    linkMerge: merge_flattened
    helios:dataset: "slow.{run:04d}.kept.v{version}"
  lines: {type: "File[]", outputSource: count/lines}
