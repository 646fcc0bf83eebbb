"""Target `machine`: the flow as plain code, with a small linear model that tells intents apart."""
