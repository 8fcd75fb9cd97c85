"""Frozen documents: what a run reads, by content."""

from __future__ import annotations

from sqlalchemy import Connection, select, text

from helios_wf.errors import StoreError
from helios_wf.store.schema import documents

_PUT = text("INSERT INTO documents (digest, content) VALUES (:digest, :content) ON CONFLICT DO NOTHING")


def put(tx: Connection, digest: str, content: bytes) -> None:
    """Keeps a document under its digest; one that is kept already is passed over."""
    tx.execute(_PUT, {"digest": digest, "content": content})


def get(tx: Connection, digest: str) -> bytes:
    """Returns the document of a digest.

    Raises:
        StoreError: the store has none of that digest.
    """
    content = tx.execute(select(documents.c.content).where(documents.c.digest == digest)).scalar()
    if content is None:
        raise StoreError(f"the store has no document {digest}; was it made by another store?")
    return bytes(content)
