"""The limit of an image's size."""

# Pixels of the largest image that is decoded by default: 305 MiB at 4 bytes a pixel. The four workers of an executor
# share 4,352 MiB on the smallest node (executor-memory.ts). Each takes 140 MiB without images (measured), and reads up
# to 64 MiB ahead (read_ahead.py).
MAX_PIXELS = 80_000_000
