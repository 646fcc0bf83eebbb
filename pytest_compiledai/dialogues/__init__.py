"""Kind `dialogue`: conversations along a graph, frozen as a state machine or as small weights."""
