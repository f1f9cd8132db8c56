"""The jobs that spark-submit runs, one module each."""
