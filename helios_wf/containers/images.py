"""Images: looked for, and got once where they are missing."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

import msgspec

from helios_wf.containers.engines import Engine
from helios_wf.containers.failures import is_passing
from helios_wf.errors import ContainerError
from helios_wf.model import Noun

DOWNLOAD_S = 60.0
"""How long a server may be silent while an image is downloaded."""


class Image(Noun, frozen=True):
    """Where an image comes from; the fields of CWL's DockerRequirement.

    Source: CWL v1.2 CommandLineTool, section 4.3 (DockerRequirement).
    """

    pull: str | None = None
    load: str | None = None
    file: str | None = None
    import_: str | None = None
    id: str | None = None

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return self.id or self.pull or self.load or self.import_ or "of a Dockerfile"

    @property
    def own_name(self) -> str:
        """A name for an image that has none."""
        return f"helios/{hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:12]}"


def acquire(
    engine: Engine, image: Image, folder: Path, beside: Path, say: Callable[[str], None] = lambda text: None
) -> str:
    """Returns what the engine knows an image by; gets the image first if it is not there.

    Args:
        engine: who is to run it.
        image: what is asked for.
        folder: where files of images are kept, for engines that run files.
        beside: the folder of the document, for paths that are relative.
        say: told what is about to take a while.

    Raises:
        ContainerError: it cannot be had.
    """
    if engine.is_oci:
        return _oci(engine, image, beside, say)
    return _file(engine, image, folder, beside, say)


# -- docker and podman -------------------------------------------------------------------------------------


def _oci(engine: Engine, image: Image, beside: Path, say: Callable[[str], None]) -> str:
    for known in filter(None, (image.id, None if image.id else image.pull)):
        if _has(engine, known):
            return known
    name = image.id or (qualified(image.pull) if image.pull else image.own_name)
    if not image.load and _has(engine, name):
        return name
    if image.pull:
        say(f"{engine.name}: pulling image {qualified(image.pull)}")
        _do(engine, image, "pull", qualified(image.pull))
    elif image.load:
        said = _with_archive(image.load, beside, lambda path: _do(engine, image, "load", "--input", path))
        name = image.id or _loaded(said) or name
    elif image.file:
        say(f"{engine.name}: building image {name}")
        with tempfile.TemporaryDirectory(prefix="helios-") as context:
            Path(context, "Dockerfile").write_text(image.file, encoding="utf-8")
            _do(engine, image, "build", "--tag", name, context)
    elif image.import_:
        _with_archive(image.import_, beside, lambda path: _do(engine, image, "import", path, name))
    if not _has(engine, name):
        got = f" after it got {origin}" if (origin := _origin(image)) else ""
        raise ContainerError(f"{engine.name} has no image {name!r} on this machine{got}")
    return name


def qualified(name: str) -> str:
    """Returns an image's name with its registry; names without one mean Docker Hub, as docker reads them."""
    first, slash, _ = name.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def _origin(image: Image) -> str:
    return image.pull or image.load or image.import_ or ("its Dockerfile" if image.file else "")


def _has(engine: Engine, name: str) -> bool:
    done = subprocess.run(
        [engine.executable, "image", "inspect", "--format", "{{.Id}}", name],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def _loaded(said: str) -> str | None:
    """Returns the name, or else the digest, that ``load`` printed."""
    found = re.findall(r"^Loaded image[^:]*: *(\S+)", said, re.MULTILINE)
    return found[-1] if found else None


# -- singularity and apptainer -----------------------------------------------------------------------------


def _file(engine: Engine, image: Image, folder: Path, beside: Path, say: Callable[[str], None]) -> str:
    """Returns the path of an image's file, made below ``folder`` where it is missing."""
    for given in filter(None, (image.id, image.pull)):
        here = beside / given
        if "://" not in given and here.exists():
            return str(here)
    if not image.pull and not image.load:
        raise ContainerError(
            f"{engine.name} cannot make image {image.label!r}: it pulls images (dockerPull), reads archives "
            "of docker save (dockerLoad), and runs image files; docker and podman also take "
            "dockerFile and dockerImport"
        )
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", image.id or image.pull or image.own_name)
    target = folder / f"{name.removesuffix('.sif')}.sif"
    if target.exists():
        return str(target)
    folder.mkdir(parents=True, exist_ok=True)
    # another command may make the same file now: whole files only get the name
    with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as making:
        made = Path(making, "image.sif")
        if image.pull:
            source = image.pull if "://" in image.pull else f"docker://{image.pull}"
            say(f"{engine.name}: pulling image {source}")
            _do(engine, image, "pull", "--name", str(made), source)
        else:
            _with_archive(
                image.load or "",
                beside,
                lambda path: _do(engine, image, "build", str(made), f"docker-archive:{path}"),
            )
        made.replace(target)
    return str(target)


# -- both --------------------------------------------------------------------------------------------------


def _do(engine: Engine, image: Image, *words: str) -> str:
    """Returns what the engine printed.

    Raises:
        ContainerError: it failed.
    """
    done = subprocess.run(
        [engine.executable, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise _unavailable(engine, image, f"{engine.name} {words[0]}: {said}")
    return done.stdout


def _unavailable(engine: Engine, image: Image, reason: str) -> ContainerError:
    later = "; this may pass: try again later" if is_passing(reason) else ""
    return ContainerError(f"image {image.label!r} cannot be had: {reason}{later}")


def _with_archive(given: str, beside: Path, use: Callable[[str], str]) -> str:
    """Calls ``use`` with the path of an archive, downloaded first where it is elsewhere."""
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https"):
        path = Path(unquote(parts.path)) if parts.scheme == "file" else beside / given
        if not path.is_file():
            raise ContainerError(f"the image archive {str(path)!r} is not there")
        return use(str(path))
    with tempfile.TemporaryDirectory(prefix="helios-") as folder:
        path = Path(folder, Path(parts.path).name or "image.tar")
        try:
            with urlopen(given, timeout=DOWNLOAD_S) as answer, path.open("wb") as file:
                shutil.copyfileobj(answer, file)
        except (URLError, OSError) as error:
            raise ContainerError(f"the image archive {given} cannot be downloaded: {error}") from error
        return use(str(path))
