"""What captures a model; its modules import torch and run in a process of their own."""
