"""The kind `function`: a spec of one pure function in, one frozen module out."""
