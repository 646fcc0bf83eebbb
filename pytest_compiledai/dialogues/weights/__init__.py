"""The target `weights`: a flow trained into a small network that a state machine judges."""
