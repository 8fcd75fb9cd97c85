"""Random small workflows, as model nouns, for tests of planning and the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st
from msgspec import UNSET, structs
from plain_cwl import HERE, file, steps_of, tool

from helios_wf.model import (
    DatasetField,
    Document,
    MergeField,
    Output,
    Parameter,
    SplitField,
    Step,
    StepInput,
    TemplateField,
    Workflow,
)
from helios_wf.states import TemplateStatus

CWL = {"text": "string?", "file": "File?", "flag": "boolean"}


class Port(NamedTuple):
    """What a link carries: its kind, and a tag for each dimension; equal tags have equal lengths.

    Tags that begin with ``p`` are parts of a split (with ``u``: of a single file; with ``c``: maybe null
    behind a condition), ``t`` the outputs of a merge with a target.
    """

    kind: str
    dims: tuple[str, ...] = ()

    @property
    def shows_parts(self) -> bool:
        """Whether a length in it depends on how files are cut."""
        return any(tag[0] in "pt" for tag in self.dims)

    @property
    def element(self) -> Port:
        """What an element of it is."""
        return Port(self.kind, self.dims[1:])

    @property
    def type(self) -> Any:
        """Its CWL type."""
        found: Any = CWL[self.kind]
        for _ in self.dims:
            found = {"type": "array", "items": found}
        return found


def flattened(port: Port) -> Any:
    """Returns the ``linkMerge`` that makes an array of what plain CWL gives as a single file."""
    return "merge_flattened" if port.dims and {"u", "t"} & set(port.dims[0]) else None


class Made(NamedTuple):
    """A workflow, inputs for it, and what its outputs carry."""

    workflow: Workflow
    inputs: dict[str, Any]
    ports: dict[str, Port]

    def __repr__(self) -> str:
        return "\n".join([f"inputs {self.inputs}", *[_line(step) for step in steps_of(self.workflow)]])

    @property
    def document(self) -> Document:
        """The workflow as a document."""
        return Document("made.cwl", "v1.2", self.workflow, {}, "0")


def _line(step: Step) -> str:
    links = ", ".join(
        " ".join(str(word) for word in (i.name, *i.sources, i.link_merge, i.pick_value, i.value_from) if word)
        for i in step.inputs
    )
    ports = [" ".join([o.name, *o.sources]) for o in getattr(step.run, "outputs", ())]
    more = [f"{n} {getattr(step, n)}" for n in ("scatter", "when", "split", "merge") if getattr(step, n)]
    return f"{step.name} ({links}) -> {ports} {' '.join(more)} {step.scatter_method}"


class Maker:
    """Makes steps while hypothesis draws."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw
        self.count = 0
        self.in_parts = False

    def number(self) -> int:
        """Returns a number that was not used before."""
        self.count += 1
        return self.count

    def chance(self, one_in: int) -> bool:
        """Says yes once in so many times."""
        return bool(self.draw(st.integers(0, one_in - 1)) == 1)

    def choose(self, items: list[Any]) -> Any:
        """Returns one of the items."""
        return self.draw(st.sampled_from(items))

    def steps(self, env: dict[str, Port], most: int, depth: int) -> list[Step]:
        """Returns some steps and adds their outputs to the environment."""
        made = []
        for _ in range(self.draw(st.integers(1, most))):
            kinds = [self.text_step, self.text_step, self.event_step, self.event_step, self.merge_step]
            if depth < 2:
                kinds += [lambda env: self.sub_step(env, depth)] * 2
            found = self.choose(kinds)(env)
            if found is None:
                continue
            step, outputs = found
            env |= {f"{step.name}/{port}": what for port, what in outputs.items()}
            made.append(step)
        return made

    # -- kinds of steps ------------------------------------------------------------------------------------

    def text_step(self, env: dict[str, Port]) -> tuple[Step, dict[str, Port]] | None:
        """A tool that shows its inputs, maybe scattered, guarded, with links, defaults and valueFrom."""
        name = f"{'list' if self.chance(3) else 'text'}_{self.number()}"
        kinds = ("text", "flag") if self.in_parts else ("text", "flag", "file")
        usable = [source for source, port in env.items() if not port.shows_parts and port.kind in kinds]
        if not usable:
            return None
        chosen = [self.choose(usable) for _ in range(self.draw(st.integers(1, 3)))]
        inputs = [self.link(f"i{index}", source, env) for index, source in enumerate(chosen)]
        ports = {entry.name: self.port_of(entry, env) for entry in inputs}
        scatter, method, dims = self.scatter(ports)
        inputs = self.extras(inputs)
        inputs, when = self.guard(inputs, env, ports)
        process = tool(
            name,
            {entry.name: ["null", "Any"] for entry in inputs},
            {"out": "string" if name[0] == "t" else {"type": "array", "items": "string"}},
        )
        out = Port("text", dims if name[0] == "t" else (*dims, f"l{self.number()}"))
        step = Step(
            name, process, tuple(inputs), ("out",), HERE, scatter=scatter, scatter_method=method, when=when
        )
        return step, {"out": out}

    def event_step(self, env: dict[str, Port]) -> tuple[Step, dict[str, Port]] | None:
        """A tool that changes the events of one file, scattered over files or parts, maybe split."""
        usable = [s for s, port in env.items() if port.kind == "file" and len(port.dims) < 2]
        usable = [s for s in usable if not any("c" in tag for tag in env[s].dims)]
        if not usable:
            return None
        raw = self.choose(usable)
        tag = env[raw].dims
        inputs = [StepInput("raw", HERE, (raw,), link_merge=flattened(env[raw]))]
        ports = {"raw": env[raw]}
        scatter: list[str] = ["raw"] if tag else []
        mates = [
            s
            for s, port in env.items()
            if (port.dims == () or (port.dims[:1] == tag and not port.element.shows_parts))
            and port.kind == "text"
        ]
        cross = [s for s, port in env.items() if port.kind == "text" and port.dims and not port.shows_parts]
        method = "dotproduct"
        dims = tag
        if mates and self.chance(2):
            mate = self.choose(mates)
            inputs.append(StepInput("mate", HERE, (mate,)))
            ports["mate"] = env[mate]
            if env[mate].dims and env[mate].dims[0] == (tag or ("",))[0]:
                scatter.append("mate")
        elif cross and tag and not env[raw].shows_parts and self.chance(2):
            mate = self.choose(cross)
            inputs.append(StepInput("mate", HERE, (mate,)))
            first = self.chance(2)
            scatter = ["mate", "raw"] if first else ["raw", "mate"]
            both = (env[mate].dims[0], *tag) if first else (*tag, env[mate].dims[0])
            method = self.choose(["nested_crossproduct", "flat_crossproduct"])
            dims = both if method[0] == "n" else (f"f{self.number()}",)
        name = f"event_{self.number()}"
        split = None
        when = None
        tag_parts = any(t[0] == "p" for t in tag)
        if self.chance(2) and not any(t[0] == "t" for t in tag):
            split, inputs, dims = self.split(
                inputs, scatter, method, dims, bounded=not (tag_parts or self.in_parts)
            )
        elif not tag_parts:
            inputs, when = self.guard(inputs, env, {})
        process = tool(
            name,
            {entry.name: "Any" for entry in inputs} | {"first_event": "long?", "n_events": "long?"},
            {"out": "File?", "side": "File?"},
        )
        run: Any = process
        if split is not None and self.chance(3):
            run = self.chain(process)
        step = Step(
            name,
            run,
            tuple(inputs),
            ("out", "side"),
            HERE,
            scatter=tuple(scatter),
            scatter_method=method,  # type: ignore[arg-type]
            split=split,
            when=when,
        )
        return step, {"out": Port("file", dims), "side": Port("file", dims)}

    def split(
        self,
        inputs: list[StepInput],
        scatter: list[str],
        method: str,
        dims: tuple[str, ...],
        bounded: bool,
    ) -> tuple[SplitField, list[StepInput], tuple[str, ...]]:
        """A split of ``raw``, maybe between bounds."""
        part = f"p{self.number()}"
        if not dims:
            dims = (f"pu{part}",)
        elif len(dims) == 1:
            dims = (part,)
        else:
            at = scatter.index("raw")
            dims = (*dims[:at], part, *dims[at + 1 :])
        if bounded and self.chance(4):
            bound = self.choose(["first_event", "n_events"])
            inputs = [*inputs, StepInput(bound, HERE, default=self.draw(st.integers(0, 4)))]
        size = self.draw(st.integers(1, 4))
        field = (
            SplitField("raw", events_per_job=size)
            if self.chance(2)
            else SplitField("raw", jobs_per_file=size)
        )
        if self.chance(2):
            field = structs.replace(field, events_per_range=self.draw(st.integers(1, 2)))
        return field, inputs, dims

    def chain(self, first: Any) -> Workflow:
        """A sub-workflow of two tools that runs once for each range."""
        second = tool(f"event_{self.number()}", {"raw": "File?"}, {"out": "File?", "side": "File?"})
        steps = (
            Step(
                "a",
                first,
                tuple(StepInput(p.name, HERE, (p.name,)) for p in first.inputs),
                ("out", "side"),
                HERE,
            ),
            Step("b", second, (StepInput("raw", HERE, ("a/out",)),), ("out", "side"), HERE),
        )
        outputs = (Output("out", "File?", HERE, ("b/out",)), Output("side", "File?", HERE, ("a/side",)))
        return Workflow("chain", first.inputs, outputs, steps, HERE)

    def merge_step(self, env: dict[str, Port]) -> tuple[Step, dict[str, Port]] | None:
        """A merge of files or parts, maybe in a tree, maybe with a target, maybe scattered."""
        usable = [
            s
            for s, port in env.items()
            if port.kind == "file"
            and (
                len(port.dims) == 1
                or (len(port.dims) == 2 and port.dims[0][0] not in "pt" and not flattened(port.element))
            )
        ]
        if not usable:
            return None
        source = self.choose(usable)
        dims = env[source].dims
        name = f"merge_{self.number()}"
        link: Any = "merge_flattened" if self.chance(2) else flattened(env[source])
        field = MergeField("parts", max_inputs=self.choose([None, 2, 3]))
        target = len(dims) == 1 and self.chance(3)
        if target:
            field = structs.replace(field, target_events=self.draw(st.integers(1, 6)))
        process = tool(name, {"parts": {"type": "array", "items": "File"}}, {"out": "File"})
        scatter = ("parts",) if len(dims) == 2 else ()
        entry = StepInput("parts", HERE, (source,), link_merge=link if len(dims) == 1 else None)
        step = Step(name, process, (entry,), ("out",), HERE, scatter=scatter, merge=field)
        return step, {"out": Port("file", (f"t{self.number()}",) if target else dims[:-1])}

    def sub_step(self, env: dict[str, Port], depth: int) -> tuple[Step, dict[str, Port]] | None:
        """A sub-workflow, maybe scattered, guarded, or with valueFrom."""
        chosen = {f"i{n}": self.choose(list(env)) for n in range(self.draw(st.integers(1, 3)))}
        ports = {name: env[source] for name, source in chosen.items()}
        scatter, method, dims = self.scatter({n: p for n, p in ports.items() if not p.shows_parts})
        guarded = not any(port.shows_parts for port in ports.values())
        if scatter:
            chosen = {n: s for n, s in chosen.items() if n in scatter or not ports[n].shows_parts}
            ports = {n: ports[n] for n in chosen}
            guarded = True
        elif len(ports) == 1 and self.chance(2):
            ((name, port),) = ports.items()
            if (
                port.dims
                and port.dims[0][0] in "pt"
                and "c" not in port.dims[0]
                and not port.element.shows_parts
            ):
                scatter, dims, guarded = (name,), port.dims[:1], False
        inner = {n: port.element if n in scatter else port for n, port in ports.items()}
        inputs = [
            StepInput(n, HERE, (source,), link_merge=flattened(ports[n])) for n, source in chosen.items()
        ]
        when = None
        outer = dict(inner)
        if guarded:
            inputs = self.extras(inputs)
            inputs, when = self.guard(inputs, env, ports, tuple(scatter))
        outer |= {entry.name: Port("text") for entry in inputs if entry.name == "extra"}
        if "extra" in outer:
            like = next(entry.value_from for entry in inputs if entry.name == "extra")
            assert like is not None
            outer["extra"] = inner[like[len("$(inputs.") : -1]]
        inside = dict(outer)
        outside, self.in_parts = self.in_parts, self.in_parts or any(tag[0] in "pt" for tag in dims)
        steps = self.steps(inside, 3, depth + 1)
        self.in_parts = outside
        exported = {f"o{n}": source for n, source in enumerate(inside) if "/" in source or self.chance(3)}
        if not exported:
            return None
        outputs = tuple(Output(n, inside[s].type, HERE, (s,)) for n, s in exported.items())
        process = Workflow(
            "sub",
            tuple(Parameter(n, port.type, HERE) for n, port in outer.items()),
            outputs,
            tuple(steps),
            HERE,
        )
        step = Step(
            f"sub{self.number()}",
            process,
            tuple(inputs),
            tuple(exported),
            HERE,
            scatter=tuple(scatter),
            scatter_method=method,
            when=when,
        )
        found = {n: Port(inside[s].kind, (*dims, *inside[s].dims)) for n, s in exported.items()}
        if when is not None:
            found = {
                n: Port(port.kind, tuple(f"pc{tag}" if tag[0] in "pt" else tag for tag in port.dims))
                for n, port in found.items()
            }
        return step, found

    # -- parts of steps ------------------------------------------------------------------------------------

    def link(self, name: str, source: str, env: dict[str, Port]) -> StepInput:
        """A link, mostly plain; else of two sources, or in a list."""
        mates = [s for s in env if env[s].kind == env[source].kind and not env[s].shows_parts]
        if self.chance(4):
            merge: Any = self.choose(["merge_nested", "merge_flattened"])
            pick: Any = self.choose([None, None, "first_non_null", "all_non_null", "the_only_non_null"])
            sources = (source, self.choose(mates)) if self.chance(2) else (source,)
            return StepInput(name, HERE, sources, link_merge=merge, pick_value=pick)
        default: Any = "default" if self.chance(5) and not env[source].dims else UNSET
        return StepInput(name, HERE, (source,), default=default)

    def port_of(self, entry: StepInput, env: dict[str, Port]) -> Port:
        """What a text step's link carries, as far as scattering goes."""
        port = env[entry.sources[0]]
        if entry.pick_value in ("first_non_null", "the_only_non_null"):
            return Port("any")
        if entry.link_merge == "merge_nested":
            return Port(port.kind, (f"n{len(entry.sources)}", *port.dims))
        if entry.link_merge is not None and (len(entry.sources) > 1 or not port.dims):
            return Port(port.kind, (f"m{self.number()}",))
        if entry.pick_value is not None:
            return Port(port.kind, (f"q{self.number()}",))
        return port

    def scatter(self, ports: dict[str, Port]) -> tuple[tuple[str, ...], Any, tuple[str, ...]]:
        """Chooses what to scatter over, how, and says which dimensions the outputs get."""
        arrays = [name for name, port in ports.items() if port.dims and not port.shows_parts]
        if not arrays or self.chance(5):
            return (), "dotproduct", ()
        first = self.choose(arrays)
        method = self.choose(["dotproduct", "nested_crossproduct", "flat_crossproduct"])
        if method == "dotproduct":
            tag = ports[first].dims[0]
            same = [name for name in arrays if ports[name].dims[0] == tag or self.chance(12)]
            return tuple(same), method, (tag,)
        some = [name for name in arrays if name == first or self.chance(2)]
        tags = tuple(ports[name].dims[0] for name in some)
        if method == "nested_crossproduct" or len(some) == 1:
            return tuple(some), method, tags
        return tuple(some), method, (f"x{self.number()}",)

    def extras(self, inputs: list[StepInput]) -> list[StepInput]:
        """Adds an input that valueFrom makes of another, sometimes."""
        if self.chance(4):
            like = self.choose([entry.name for entry in inputs])
            return [*inputs, StepInput("extra", HERE, value_from=f"$(inputs.{like})")]
        return inputs

    def guard(
        self,
        inputs: list[StepInput],
        env: dict[str, Port],
        ports: dict[str, Port],
        scatter: tuple[str, ...] = (),
    ) -> tuple[list[StepInput], str | None]:
        """Adds a ``when``, sometimes; its flag is not scattered unless it is one of the ports."""
        flagged = [n for n, p in ports.items() if p.kind == "flag" and len(p.dims) == (n in scatter)]
        if flagged and self.chance(2):
            return inputs, f"$(inputs.{self.choose(flagged)})"
        flags = [source for source, port in env.items() if port == Port("flag")]
        if flags and self.chance(4):
            return [*inputs, StepInput("flag", HERE, (self.choose(flags),))], "$(inputs.flag)"
        return inputs, None


@st.composite
def made_workflows(draw: Callable[[Any], Any]) -> Made:
    """Workflows with known and empty arrays, files of few events, and all step outputs as outputs."""
    maker = Maker(draw)
    n, m = draw(st.integers(0, 4)), draw(st.integers(0, 3))
    raw = [
        file([f"{index}.{event}" for event in range(draw(st.integers(0, 6)))], str(index))
        for index in range(n)
    ]
    inputs: dict[str, Any] = {
        "raw": raw,
        "one": file(["x.0", "x.1", "x.2"]),
        "names": [f"name{index}" for index in range(n)],
        "flags": [draw(st.booleans()) for _ in range(n)],
        "others": [f"other{index}" for index in range(m)],
        "grid": [[f"cell{i}.{j}" for j in range(draw(st.integers(0, 2)))] for i in range(n)],
        "word": "word",
        "go": draw(st.booleans()),
        "null": None,
    }
    env = {
        "raw": Port("file", ("n",)),
        "one": Port("file"),
        "names": Port("text", ("n",)),
        "flags": Port("flag", ("n",)),
        "others": Port("text", ("m",)),
        "grid": Port("text", ("n", "g")),
        "word": Port("text"),
        "go": Port("flag"),
        "null": Port("text"),
    }
    parameters = tuple(Parameter(name, port.type, HERE) for name, port in env.items())
    steps = maker.steps(env, 6, 0)
    ports, outputs = {}, []
    for index, (source, port) in enumerate(env.items()):
        name = f"o{index}"
        ports[name] = port
        outputs.append(
            Output(
                name,
                port.type,
                HERE,
                (source,),
                link_merge=flattened(port),
                dataset=DatasetField(f"d.{index}") if port.shows_parts else None,
            )
        )
    template = TemplateField("made", 1, TemplateStatus.ACTUAL)
    workflow = Workflow("made", parameters, tuple(outputs), tuple(steps), HERE, template=template)
    return Made(workflow, inputs, ports)
