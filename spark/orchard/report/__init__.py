"""The figures of a run's report that only the Spark job can compute: report/figures.json in the run's folder."""
