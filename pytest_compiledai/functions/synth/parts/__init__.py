"""What synthesised programs are made of: imported here to try a program, copied into its text."""
