"""`compiledai audit`: which calls of a log could be compiled, to what, and when that pays."""
