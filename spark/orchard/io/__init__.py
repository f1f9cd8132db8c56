"""Files: URIs, local disk and S3, and the formats of what the jobs read and write."""
