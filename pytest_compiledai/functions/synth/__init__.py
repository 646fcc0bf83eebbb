"""A proposer that needs no model: programs made of the schema and the train rows alone."""
