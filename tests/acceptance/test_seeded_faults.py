"""Faults of every kind, and what a user reads of each: the cause in the first line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

OUT = "{out: {type: File, outputBinding: {glob: out.txt}}}"


class Fault(NamedTuple):
    """A document that goes wrong, and what is said of it.

    ``why`` is how the first line goes on behind ``JOB failed: ``, as a regular expression; ``said`` stands
    somewhere below.  ``code`` is the exit code: 1 where a job failed, 2 and 33 where it is told before
    anything runs, in a line that holds ``why``.
    """

    document: str
    why: str
    said: tuple[str, ...] = ()
    inputs: str = "{}"
    code: int = 1
    job: str = "bad"
    options: tuple[str, ...] = ()


def tool(
    script: str,
    *,
    inputs: str = "{}",
    outputs: str = OUT,
    more: str = "",
    requirements: str = "",
    command: list[str] | None = None,
) -> str:
    """Returns a tool that runs a script in a shell, or a command."""
    words = json.dumps(command or ["sh", "-c", script, "sh"])
    return (
        "cwlVersion: v1.2\nclass: CommandLineTool\n"
        '$namespaces: {helios: "https://w3id.org/helios-wf#", cwltool: "http://commonwl.org/cwltool#"}\n'
        f"requirements: {{InlineJavascriptRequirement: {{}}{requirements}}}\n"
        f"baseCommand: {words}\ninputs: {inputs}\noutputs: {outputs}\n{more}\n"
    )


def with_binding(kind: str, binding: str) -> str:
    """Returns an output of a type that is bound so."""
    return f"{{out: {{type: {kind}, outputBinding: {{{binding}}}}}}}"


def workflow(steps: str, *, inputs: str = "{}", outputs: str = "{}", more: str = "") -> str:
    """Returns a workflow of these steps."""
    return (
        "cwlVersion: v1.2\nclass: Workflow\n"
        '$namespaces: {helios: "https://w3id.org/helios-wf#"}\n'
        "requirements: {ScatterFeatureRequirement: {}, StepInputExpressionRequirement: {}, "
        "InlineJavascriptRequirement: {}, MultipleInputFeatureRequirement: {}, "
        "SubworkflowFeatureRequirement: {}}\n"
        f"inputs: {inputs}\noutputs: {outputs}\nsteps:\n{steps}\n{more}\n"
    )


def cut(run: str, field: str) -> str:
    """Returns a template that runs a tool over the events of a file."""
    return workflow(
        f"  bad:\n    run: {run}\n    in: {{a: a}}\n    out: [out]\n    helios:split: {field}",
        inputs="{a: File}",
        outputs=(
            "{out: {type: 'File[]', outputSource: [bad/out], linkMerge: merge_flattened, "
            "helios:dataset: 'x.{run_id}'}}"
        ),
        more="helios:template: {template: t, version: 1, status: ACTUAL}",
    )


FILE = "{a: {type: File, inputBinding: {position: 1}}}"

FAULTS: dict[str, Fault] = {
    "exit code": Fault(
        tool("echo the reason >&2; exit 3"),
        "it exited with 3$",
        ("its stderr ends with:", "      the reason"),
    ),
    "exit code listed as permanent": Fault(
        tool("exit 4", more="permanentFailCodes: [4]"), "it exited with 4, which the tool lists as permanent"
    ),
    "exit code listed as temporary, three times": Fault(
        tool("exit 5", more="temporaryFailCodes: [5]"),
        "it exited with 5, which the tool lists as temporary",
        ("attempt 3",),
    ),
    "segmentation fault": Fault(tool("kill -SEGV $$"), r"it was ended by SIGSEGV \(segmentation fault\)$"),
    "killed from outside": Fault(tool("kill -9 $$"), r"it was ended by SIGKILL \(killed from outside"),
    "no memory within a limit": Fault(
        tool("ulimit -v 40000; dd bs=1G count=1 < /dev/zero > out.txt"),
        r"it exited with 1, out of memory \(dd: memory exhausted .*\); it asked for 256 MiB",
    ),
    "time limit": Fault(
        tool("while :; do sleep 0.1; done", requirements=", ToolTimeLimit: {timelimit: 1}"),
        "it ran longer than its time limit of 1 s$",
    ),
    "full disk": Fault(
        tool("cat /etc/passwd > /dev/full"),
        "it exited with 1: .*No space left on device; 5 attempts were lost like that",
    ),
    "command not found": Fault(
        tool("", command=["no-such-program"]),
        "command 'no-such-program' could not be started: not found on PATH",
    ),
    "command that may not be executed": Fault(
        tool("", command=["WORK/plain.txt"]), "command '.*/plain.txt' could not be started: Permission denied"
    ),
    "interpreter that is not there": Fault(
        tool("", command=["WORK/script"]),
        "command '.*/script' could not be started: the interpreter that it names is missing",
    ),
    "missing output": Fault(
        tool("touch other.txt more.txt"),
        r"output 'out' \(File\) is missing: nothing matches 'out.txt' in .*; there: 'more.txt', 'other.txt'$",
    ),
    "wrong type of output": Fault(
        tool("true", outputs="{out: {type: int, outputBinding: {outputEval: \"$('x')\"}}}"),
        "output 'out' must be int; it is 'x'$",
    ),
    "output outside its folder": Fault(
        tool("ln -s /etc/passwd out.txt"), "'.*/out.txt' leads to '/etc/passwd', which is neither"
    ),
    "cwl.output.json that is broken": Fault(
        tool("echo '{' > cwl.output.json"), "cwl.output.json is no JSON: "
    ),
    "two files for one": Fault(
        tool("touch a.txt b.txt", outputs="{out: {type: File, outputBinding: {glob: '*.txt'}}}"),
        "output 'out' is one File; '\\*.txt' matches 2: a.txt, b.txt$",
    ),
    "secondary file that is not there": Fault(
        tool(
            "touch out.txt",
            outputs=with_binding("File, secondaryFiles: {pattern: .idx, required: true}", "glob: out.txt"),
        ),
        "output 'out': the secondary file 'out.txt.idx' of 'out.txt' is missing; there: 'out.txt'$",
    ),
    "working directory removed": Fault(
        tool('rm -r "$PWD"'), "its working directory .* is gone: the tool removed or renamed it"
    ),
    "loadContents of too much": Fault(
        tool(
            "head -c 70000 /dev/zero > out.txt",
            outputs=with_binding(
                "string", "glob: out.txt, loadContents: true, outputEval: '$(self[0].contents)'"
            ),
        ),
        "'out': loadContents reads at most 64 KiB, and '.*/out.txt' has 70,000 bytes",
    ),
    "expression in arguments": Fault(
        tool("true", more="arguments: ['$(inputs.nothing.there)']"),
        r"bad.cwl:8:13: expression '\$\(inputs.nothing.there\)': TypeError",
    ),
    "expression in outputEval": Fault(
        tool(
            "touch out.txt",
            outputs=with_binding("string", "glob: out.txt, outputEval: '${ return self[3].path; }'"),
        ),
        r"bad.cwl:\d+:\d+: ",
    ),
    "endless JavaScript": Fault(
        tool("true", inputs="{a: int}", more="arguments: ['${ while (inputs.a) {} }']"),
        r"bad.cwl:8:13: expression .* it took more than 10 s of processor time",
        inputs="{a: 1}",
    ),
    "expression in valueFrom": Fault(
        workflow(
            "  bad:\n    run: tool.cwl\n    in: {a: {default: 1, valueFrom: '$(inputs.a.b.c)'}}\n    out: []"
        ),
        r"bad.cwl:\d+:\d+: ",
    ),
    "when that is no boolean": Fault(
        workflow("  bad:\n    run: tool.cwl\n    when: $(inputs.a)\n    in: {a: {default: 1}}\n    out: []"),
        r"bad.cwl:\d+:\d+: when: .*inputs.a.* of step 'bad' must give true or false, not 1$",
    ),
    "arrays of different lengths": Fault(
        workflow(
            "  bad:\n    run: tool.cwl\n    scatter: [a, b]\n    scatterMethod: dotproduct\n"
            "    in: {a: {default: [1, 2]}, b: {default: [1]}}\n    out: []"
        ),
        "arrays scattered together must have one length: a has 2, b has 1$",
    ),
    "input that an earlier job removed": Fault(
        workflow(
            "  first:\n    run: remove.cwl\n    in: {a: a}\n    out: [done]\n"
            "  bad:\n    run: read.cwl\n    in: {a: a, b: first/done}\n    out: []",
            inputs="{a: File}",
        ),
        "input 'a': File '/.*/gone.txt' cannot be read: No such file or directory$",
        inputs="{a: {class: File, path: gone.txt}}",
    ),
    "input that is not there": Fault(
        tool("cat $1", inputs=FILE),
        "job.yml:1:2: input 'a': File /.*/nowhere.txt cannot be read: No such file",
        inputs="{a: {class: File, path: nowhere.txt}}",
        code=2,
    ),
    "input of another format": Fault(
        tool("true", inputs="{a: {type: File, format: 'http://edamontology.org/format_3475'}}"),
        "input 'a': .*plain.txt' has the format .*_2330, not .*_3475$",
        inputs="{a: {class: File, path: plain.txt, format: 'http://edamontology.org/format_2330'}}",
    ),
    "folder for a file": Fault(
        tool("true", inputs=FILE),
        "job.yml:1:2: input 'a': /.*/folder is a directory; its class is File",
        inputs="{a: {class: File, path: folder}}",
        code=2,
    ),
    "standard input that is not there": Fault(
        tool("cat", more="stdin: nowhere.txt"), "stdin '.*nowhere.txt' cannot be read: No such file"
    ),
    "command line that is too long": Fault(
        tool("true", inputs="{a: {type: 'string', inputBinding: {position: 1}}}"),
        "one of its words has .* bytes",
        inputs='{a: "' + "x" * 140_000 + '"}',
    ),
    "more cores than there are": Fault(
        tool("true", requirements=", ResourceRequirement: {coresMin: 4000}"),
        r"step 'bad' can never run here: needs 4,?000 cores",
    ),
    "no container engine": Fault(
        tool("true", requirements=", DockerRequirement: {dockerPull: 'example.org/none:1'}"),
        "bad.cwl:1:1: the tool requires a container .*, and no container engine answers",
        code=33,
        options=("--container-engine", "apptainer"),
    ),
    "worker killed with its tool": Fault(
        tool("kill -9 $PPID; sleep 60"), "its worker .* was killed by SIGKILL; 5 attempts were lost like that"
    ),
    "resident tool that breaks the protocol": Fault(
        cut("talk.cwl", "{input: a, eventsPerJob: 10, eventsPerRange: 5}"),
        'the resident tool did not keep to the protocol: it said {"type": "done", "range": 7}: ',
        ("of /", "/events.jsonl, on "),
        inputs="{a: {class: File, path: events.jsonl}}",
        job=r"bad\[[01]\]",
    ),
    "event that cannot be processed": Fault(
        cut("events.cwl", "{input: a, eventsPerJob: 10}"),
        r"cannot process event 7 \(it exited with 9\) of .*/events.jsonl",
        inputs="{a: {class: File, path: events.jsonl}}",
        job=r"bad\[0\]",
    ),
    "event file that ends too early": Fault(
        cut("events.cwl", "{input: a, eventsPerJob: 10}"),
        "step 'bad' cannot split its input 'a': /.*/short.parquet: ends with b'more'",
        inputs="{a: {class: File, path: short.parquet}}",
        code=2,
    ),
}

TOOL = tool("true", inputs="{a: Any?, b: Any?}", outputs="{}")
READ = tool('cat "$1"', inputs="{a: {type: File, inputBinding: {position: 1}}, b: Any?}", outputs="{}")
REMOVE = tool('rm "$1"', inputs=FILE, outputs="{done: {type: boolean, outputBinding: {outputEval: $(true)}}}")
TALK = tool(
    """echo '{"type": "ready", "capacity": 1}'; echo '{"type": "done", "range": 7}'; sleep 60""",
    inputs="{a: File, stream: boolean?, first_event: long?, n_events: long?}",
    more="helios:events: {resident: stream}",
)
EVENTS = tool(
    'first=$2; stop=$((first + $3)); [ $first -le 7 ] && [ $stop -gt 7 ] && exit 9; cat "$1" > out.txt',
    inputs=(
        "{a: {type: File, inputBinding: {position: 1}}, "
        "first_event: {type: long?, inputBinding: {position: 2}}, "
        "n_events: {type: long?, inputBinding: {position: 3}}}"
    ),
)


def prepare(helios: Command, fault: Fault) -> None:
    """Writes what the documents need."""
    helios.write("helios.toml", "[backends.local]\ngrace_s = 0.2\n")
    texts = {"bad.cwl": fault.document, "job.yml": fault.inputs, "tool.cwl": TOOL, "read.cwl": READ}
    texts |= {"remove.cwl": REMOVE, "talk.cwl": TALK, "events.cwl": EVENTS}
    for name, text in texts.items():
        helios.write(name, text.replace("WORK", str(helios.folder)))
    helios.write("plain.txt", "plain\n")
    helios.write("gone.txt", "soon\n")
    helios.write("folder/inside.txt", "inside\n")
    helios.write("script", "#!/no/such/interpreter\n").chmod(0o755)
    helios.write("events.jsonl", "".join(f'{{"event": {index}}}\n' for index in range(20)))
    helios.write("short.parquet", b"PAR1 and no more")


def test_an_error_of_many_jobs_is_told_once_with_how_many_of_all_have_it(helios: Command) -> None:
    script = 'case $1 in *7) echo "cannot do $1 of 120" >&2; exit 6;; 55) kill -9 $$;; esac'
    step = "  bad:\n    run: one.cwl\n    scatter: a\n    in: {a: a}\n    out: []"
    helios.write(
        "one.cwl", tool(script, inputs="{a: {type: int, inputBinding: {position: 1}}}", outputs="{}")
    )
    helios.write("bad.cwl", workflow(step, inputs="{a: 'int[]'}"))
    helios.write("job.yml", json.dumps({"a": list(range(120))}))
    assert helios("run", "bad.cwl", "job.yml", "--quiet", "--on-error", "continue") == 1
    told = [line for line in helios.err.splitlines() if " failed" in line]
    assert told[1:] == [
        "  bad[7] failed: it exited with 6 (the same error in 12 of 120 jobs)",
        "    in the same way failed bad[17,27,37,47,57,67,77,87,97,107,117]",
        told[-1],
    ]
    assert told[-1].startswith("  bad[55] failed: it was ended by SIGKILL (killed from outside, ")
    assert helios.err.count("its stderr ends with:") == 1


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_with_its_cause_first(helios: Command, fault: Fault) -> None:
    prepare(helios, fault)
    assert helios("run", "bad.cwl", "job.yml", "--quiet", *fault.options) == fault.code, helios.err
    assert "internal error" not in helios.err
    if fault.code != 1:
        assert re.search(fault.why, helios.err), helios.err
        return
    (line,) = [one for one in helios.err.splitlines() if one.startswith("  ") and " failed: " in one][:1]
    assert re.match(rf"  {fault.job} failed: ", line), helios.err
    assert re.search(rf" failed: .*(?:{fault.why})", line), helios.err
    for part in fault.said:
        assert part in helios.err
