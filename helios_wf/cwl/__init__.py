"""CWL: the only door to cwltool.  Light to import: every module below is imported where it is used."""
