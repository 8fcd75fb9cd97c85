"""Jobs and event ranges as tables: named, typed columns, and a row for each, one after another."""
