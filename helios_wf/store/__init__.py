"""The store: the only door to SQL.

``Store.open`` gives a store; ``store.write()`` and ``store.read()`` give a transaction (``tx``); the verbs
are functions that take it first, one module for each noun::

    with store.write() as tx:
        runs.fence(tx, run, epoch)
        jobs.lease(tx, run, leases)

Everything that one ``with`` block writes is kept, or nothing of it is.  SQLite and PostgreSQL behave alike.
"""

from sqlalchemy import Connection as Tx

from helios_wf.store.opening import Store

__all__ = ["Store", "Tx"]
