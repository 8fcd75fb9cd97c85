"""What integration tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def quickjs() -> Iterator[None]:
    """cwltool evaluates JavaScript in QuickJS."""
    import cwl_utils.sandboxjs as sandbox

    from helios_wf.cwl.quickjs_engine import install

    before = sandbox.get_js_engine()
    install()
    yield
    sandbox.set_js_engine(before)
