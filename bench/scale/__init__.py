"""`npm run bench:scale`: measures the constants of the model of minutes and cost, and how far it holds here."""
