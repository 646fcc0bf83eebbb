"""Function calls: the benchmark's tasks, its checker's rules, and what they say of programs."""
