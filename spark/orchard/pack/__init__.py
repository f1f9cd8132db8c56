"""Packs: image trees as Parquet files, which take one request for hundreds of images."""
