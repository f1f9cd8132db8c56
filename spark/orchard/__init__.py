"""The jobs that spark-submit runs: inventory, features and reduction."""
