"""What runs behind the wall when a kernel is executed: the interpreter and its watched memory."""
