"""From documents to tasks, index domains and sources."""

from helios_wf.plan.inline import plan_document

__all__ = ["plan_document"]
