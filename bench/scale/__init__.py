"""`npm run bench:scale`: measures the constants of the model of minutes and cost, and compares the model with them."""
