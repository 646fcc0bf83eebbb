"""Graphs of other projects, read into drafts of dialogue specs; nothing is imported or run."""
