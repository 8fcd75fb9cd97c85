"""The life of a template: its signature, its versions in git's history, its status, and a new one's skeleton.

signature   what datasets and other templates see of a template, and how two differ
history     the versions that git knows of a document
finding     a template by name, name@version or file
activating  which status a template may get, and how its document is changed
skeleton    the files of a new template
"""
