"""`npm run bench`: compares the Spark job with the machine's limit and with other implementations."""
