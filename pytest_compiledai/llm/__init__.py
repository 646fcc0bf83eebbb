"""Language models: client, recordings, budget ledger, the reference."""
