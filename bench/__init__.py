"""`npm run bench`: the Spark job against the machine's limit and against what else does the same work."""
