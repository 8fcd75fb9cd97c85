"""Documents read, validated and upgraded by cwltool: the only door to it for documents.

Everything here is slow to import; ``load`` does so only when the cache cannot answer.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, MutableMapping
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from cwltool import process
from cwltool.context import LoadingContext
from cwltool.errors import UnsupportedRequirement, WorkflowException
from cwltool.load_tool import default_loader, fetch_document, make_tool, resolve_and_validate_document
from cwltool.process import Process, get_schema, use_custom_schema
from cwltool.workflow import default_make_tool
from schema_salad.exceptions import SchemaSaladException, ValidationException
from schema_salad.fetcher import DefaultFetcher
from schema_salad.ref_resolver import file_uri
from schema_salad.schema import validate_doc
from schema_salad.sourceline import cmap

from helios_wf.cwl.complaints import problems_of, warnings_of
from helios_wf.cwl.features import missing_features
from helios_wf.cwl.overrides import Overrides
from helios_wf.cwl.sources import Sources
from helios_wf.errors import Problem, TemplateError, UnsupportedError
from helios_wf.model import Place

EXTENSIONS = "http://commonwl.org/cwltool#"
EXPECTED = (SchemaSaladException, WorkflowException)
BROKEN = (KeyError, TypeError, AttributeError, ValueError, IndexError, AssertionError)
"""What cwltool raises over documents that it did not foresee."""

STUMBLED = "cwltool cannot read this document"
"""How a problem begins that says no more than that; other problems tell why."""

_extended = False


def read_process(
    path: str,
    fragment: str,
    sources: Sources,
    *,
    validate: bool = True,
    overrides: Overrides = Overrides(),  # noqa: B008
) -> Process:
    """Returns cwltool's process of a document, with all that it runs, upgraded to cwltool's own version.

    Raises:
        TemplateError: The document is wrong (only the first mistakes: see ``diagnose``).
        UnsupportedError: It requires what cwltool does not know.
    """
    _extend(sources)
    place = Place(path, 1, 1)
    heard: list[str] = []
    try:
        with quiet(heard):
            context, document, _ = fetch_document(file_uri(path), _context(sources, validate))
            context, uri = resolve_and_validate_document(context, document, _uri(path, fragment))
            _override(context, overrides)
            process = make_tool(uri, context)
        sources.warnings = warnings_of(heard, place)
        return process
    except UnsupportedRequirement as error:
        raise UnsupportedError(f"{path}: {error}") from error
    except EXPECTED as error:
        raise TemplateError(problems_of(error, place)) from error
    except RecursionError:
        raise TemplateError(
            [Problem(place, "documents nest too deeply, or run each other in a circle")]
        ) from None
    except BROKEN as error:
        message = f"{STUMBLED}: {type(error).__name__}: {error}"
        raise TemplateError([Problem(place, message)]) from error


def _override(context: LoadingContext, overrides: Overrides) -> None:
    """Puts requirements over those of the document, and of its parts."""
    context.overrides_list = [
        {"overrideTarget": target, "requirements": cmap(entries)} for target, entries in overrides.targets
    ]
    make = context.construct_tool_object
    waiting = list(overrides.own)

    def make_with_own(toolpath_object: Any, loadingContext: LoadingContext) -> Process:  # noqa: N803
        if waiting:
            # the document itself is made first
            toolpath_object["requirements"] = [*toolpath_object.get("requirements", ()), *map(cmap, waiting)]
            waiting.clear()
        return make(toolpath_object, loadingContext)

    context.construct_tool_object = make_with_own


def diagnose(path: str, sources: Sources) -> list[Problem]:
    """Returns what is wrong with one document by itself: its links and its fields, all at once."""
    _extend(sources)
    place = Place(path, 1, 1)
    try:
        with quiet():
            context, document, uri = fetch_document(file_uri(path), _context(sources, True))
            resolve_and_validate_document(context, document, uri)
    except EXPECTED as error:
        problems = problems_of(error, place)
        # links are checked before the fields, and stop there: check the fields too, if all was resolved
        if "checking" in str(error) and "Validation error in" not in str(error):
            problems += _wrong_fields(document, place)
        return problems
    except (RecursionError, *BROKEN):
        return []
    return []


def _wrong_fields(document: Any, place: Place) -> list[Problem]:
    with contextlib.suppress(*BROKEN), quiet():
        loader, names = get_schema(document.get("cwlVersion"))[:2]
        if isinstance(names, Exception):
            return []
        try:
            validate_doc(names, document.get("$graph", document), loader, True)
        except ValidationException as error:
            return problems_of(error, place)
    return []


def _uri(path: str, fragment: str) -> str:
    return file_uri(path) + (f"#{fragment}" if fragment else "")


def _context(sources: Sources, validate: bool) -> LoadingContext:
    context = LoadingContext()
    # cwltool would start node for every expression
    context.disable_js_validation = True
    context.doc_cache = False
    context.do_validate = validate
    context.fetcher_constructor = _fetcher(sources)
    context.loader = default_loader(context.fetcher_constructor, doc_cache=False)

    def make(toolpath_object: Any, loadingContext: LoadingContext) -> Process:  # noqa: N803
        missing = missing_features(toolpath_object, loadingContext.requirements or [], sources)
        if missing:
            raise ValidationException("\n".join(map(str, missing)))
        return default_make_tool(toolpath_object, loadingContext)

    context.construct_tool_object = make
    return context


def _fetcher(sources: Sources) -> Any:
    class BelowRoot(DefaultFetcher):
        """Reads files below the root only, and asks no server whether a URL exists."""

        def fetch_text(self, url: str, content_types: list[str] | None = None) -> str:
            """Returns the text of a file below the root, or of a URL where that is allowed."""
            if isinstance(self.cache.get(url), str):
                return str(self.cache[url])
            if urlsplit(url).scheme in ("http", "https") and sources.allow_urls:
                return str(super().fetch_text(url, content_types))
            try:
                path = sources.locate(url, str(sources.root / "x"))
                return sources.read(path or url, tree=False).text
            except TemplateError as error:
                raise ValidationException("; ".join(problem.message for problem in error.problems)) from error

        def check_exists(self, url: str) -> bool:
            """Says whether a file exists; a URL is taken to exist."""
            return urlsplit(url).scheme != "file" or bool(super().check_exists(url))

    return BelowRoot


def warm_up(versions: Iterable[str], *, with_extensions: bool) -> None:
    """Loads cwltool's schemas of some versions of CWL, which takes about a quarter of a second each.

    Args:
        versions: as documents write them.
        with_extensions: whether cwltool is to know its own extensions.
    """
    if with_extensions:
        know_extensions()
    with quiet():
        for version in versions:
            _lend_types(get_schema(version)[3].idx)


def _lend_types(known: MutableMapping[str, Any]) -> None:
    """Gives cwltool the types of files from a schema at hand, for which it would load that of v1.0 as well.

    They differ in nothing that reading a document asks.
    """
    process.SCHEMA_ANY = known["https://w3id.org/cwl/salad#Any"]
    process.SCHEMA_FILE = known["https://w3id.org/cwl/cwl#File"]
    process.SCHEMA_DIR = known["https://w3id.org/cwl/cwl#Directory"]


def _extend(sources: Sources) -> None:
    """Makes cwltool know its own extensions (CUDA, MPI, ...) when a document names them."""
    if any(EXTENSIONS in source.text for source in sources.files.values()):
        know_extensions()


def know_extensions() -> None:
    """Makes cwltool know its own extensions (CUDA, MPI, ...)."""
    global _extended
    if _extended:
        return
    _extended = True
    for version in ("v1.0", "v1.1", "v1.2", "v1.3.0-dev1"):
        name = "extensions.yml" if version == "v1.0" else f"extensions-{version[:4]}.yml"
        text = files("cwltool").joinpath(name).read_text(encoding="utf-8")
        use_custom_schema(version, EXTENSIONS.removesuffix("#"), text)


@contextlib.contextmanager
def quiet(warnings: list[str] | None = None) -> Iterator[None]:
    """Keeps cwltool's and schema-salad's log lines off the terminal; their warnings are put into a list.

    What else matters is in their exceptions.
    """
    loggers = [logging.getLogger(name) for name in ("cwltool", "salad", "rdflib.term")]
    before = [(logger.level, logger.propagate, logger.handlers) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1 if warnings is None else logging.WARNING)
        logger.propagate = False
        logger.handlers = [] if warnings is None else [_Listener(warnings)]
    try:
        yield
    finally:
        for logger, (level, propagate, handlers) in zip(loggers, before, strict=True):
            logger.setLevel(level)
            logger.propagate = propagate
            logger.handlers = handlers


class _Listener(logging.Handler):
    """Puts the texts of log records into a list."""

    def __init__(self, heard: list[str]) -> None:
        super().__init__()
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps one record."""
        self._heard.append(record.getMessage())
