"""Drafts of specs from what people have: a signature, an OpenAPI operation, a tool."""
