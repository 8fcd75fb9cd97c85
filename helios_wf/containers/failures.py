"""What an engine's own failures look like, which come with exit codes that a tool may have too.

Sources: docker-run(1), "Exit Status"; SingularityCE and Apptainer end with 255 after a line ``FATAL:``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from helios_wf.containers.running import Container

_OWN = {
    "docker": re.compile(r"^(docker: |Error response from daemon|See 'docker run --help')"),
    "podman": re.compile(r"^(Error: |time=\"[^\"]*\" level=(error|fatal))"),
    "singularity": re.compile(r"^FATAL: "),
    "apptainer": re.compile(r"^FATAL: "),
}
_CODES = {"docker": (125, 126, 127), "podman": (125, 126, 127), "singularity": (255,), "apptainer": (255,)}

_NO_COMMAND = re.compile(
    r"executable file not found|not found in \$PATH|no such file or directory.*exec|exec.*no such file"
    r"|exec.*permission denied|exec format error|invoke a command that was not found",
    re.IGNORECASE,
)
_NO_IMAGE = re.compile(
    r"no such image|image not known|unable to find image|manifest unknown|manifest for .* not found"
    r"|did not resolve to an alias|pull access denied|repository does not exist|unauthorized|denied:"
    r"|invalid reference format|could not open image|not a valid image|no such object",
    re.IGNORECASE,
)
_PASSING = re.compile(
    r"timeout|timed out|connection refused|connection reset|cannot connect|no such host|name resolution"
    r"|unexpected eof|too many requests|service unavailable|bad gateway|network is unreachable|TLS handshake"
    r"|pinging container registry|dial tcp|temporarily",
    re.IGNORECASE,
)


class Failure(NamedTuple):
    """Why an engine did not run a command."""

    message: str
    is_passing: bool
    """Whether another attempt may do better: nothing says that the command or the image is at fault."""


def failure_of(container: Container, code: int, stderr: str) -> Failure | None:
    """Returns what kept the engine from running a tool, or None where the tool itself ended with the code.

    Args:
        container: what was to run it.
        code: the engine's exit code.
        stderr: the last lines of the standard error, which the engine shares with the tool.
    """
    name = container.engine.name
    lines = [line for line in stderr.splitlines() if _OWN[name].match(line)]
    if code not in _CODES[name] or not lines:
        return None
    said = lines[-1].strip()
    if code in (126, 127) or _NO_COMMAND.search(said):
        return Failure(f"the command could not be started in image {container.image}: {said}", False)
    if is_passing(said):
        return Failure(f"{name} could not run image {container.image}: {said}", True)
    if _NO_IMAGE.search(said):
        return Failure(f"{name} has no image {container.image} on this machine: {said}", False)
    return Failure(f"{name} could not run image {container.image}: {said}", True)


def is_passing(said: str) -> bool:
    """Returns whether what an engine said is about a network or a server, which may be better later."""
    return _PASSING.search(said) is not None
