"""The jobs that spark-submit runs (inventory, features, reduction, projection) and the functions of their tasks."""
