"""Processes that are killed while they save: what they leave must be the whole old state or the whole new one."""
