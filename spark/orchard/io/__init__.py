"""Reads and writes files: URIs, local disks and S3, and the formats of the jobs' files."""
