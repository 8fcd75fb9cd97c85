"""cwltool's JavaScript through QuickJS instead of Node, whose ``vm`` a document can escape from."""

from __future__ import annotations

from typing import Any

from cwl_utils.errors import JavascriptException
from cwl_utils.sandboxjs import NodeJSEngine, set_js_engine

from helios_wf.cwl.javascript import Call, JavascriptError, Script, run


class QuickJSEngine(NodeJSEngine):
    """Evaluates in QuickJS; parameter references as cwl_utils does."""

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
            raise JavascriptException(str(error)) from None


def install() -> None:
    """Makes QuickJS the engine of every expression that cwltool evaluates in this process."""
    set_js_engine(QuickJSEngine())
