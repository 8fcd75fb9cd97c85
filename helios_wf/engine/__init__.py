"""The engine: takes runs from plan to published outputs, a tick at a time."""
