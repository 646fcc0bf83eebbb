"""The kind `workflow`: a graph of model calls, compiled into a reusable trade-off set."""
