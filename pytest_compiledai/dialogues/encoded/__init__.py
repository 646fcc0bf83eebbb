"""Target `machine` with a frozen sentence encoder: nearest examples tell intents apart."""
