"""The exercises, each a declaration in a file of its own; a folder is a chapter."""
