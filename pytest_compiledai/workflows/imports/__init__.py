"""What other projects wrote, read into drafts of specs and into profiles; nothing is executed."""
