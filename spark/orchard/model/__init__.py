"""Decodes images to the model's input, and runs the model."""
