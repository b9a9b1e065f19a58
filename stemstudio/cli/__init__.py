"""The command line: one command a file; the options of an algorithm come from its recipe."""
