"""The model: decoding an image to its input, and the interpreter that runs it."""
