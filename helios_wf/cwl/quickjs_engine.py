"""cwltool's JavaScript through our sandbox instead of Node, whose ``vm`` a document can escape from."""

from __future__ import annotations

from typing import Any, NoReturn

from cwl_utils.errors import JavascriptException
from cwl_utils.sandboxjs import NodeJSEngine, set_js_engine

from helios_wf.cwl.javascript import Call, JavascriptError, Script, run


class QuickJSEngine(NodeJSEngine):
    """Evaluates in the sandbox; parameter references as cwl_utils does; never starts a process of Node's."""

    def __init__(self) -> None:
        super().__init__()
        self.failure = ""
        """What JavaScript said when it failed last."""

    def eval(
        self,
        scan: str,
        jslib: str = "",
        timeout: float = 20,
        force_docker_pull: bool = False,
        debug: bool = False,
        js_console: bool = False,
        container_engine: str = "docker",
        **kwargs: Any,
    ) -> Any:
        """Returns the value of a fragment; ``jslib`` defines inputs, self and runtime."""
        try:
            return run(Call(Script(scan, (jslib,))))
        except JavascriptError as error:
            shown = scan if len(scan) <= 300 else scan[:297] + "..."
            self.failure = f"expression '${shown}': {error}"
            raise JavascriptException(self.failure) from None

    def exec_js_process(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuses: this would start Node, or a container with it."""
        raise JavascriptException("JavaScript runs in QuickJS only")

    new_js_proc = exec_js_process


def install() -> QuickJSEngine:
    """Makes QuickJS the engine of every expression that cwltool evaluates in this process."""
    engine = QuickJSEngine()
    set_js_engine(engine)
    return engine
