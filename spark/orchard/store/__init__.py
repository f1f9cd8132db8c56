"""The features store: Parquet files of features that earlier runs computed, for later runs to reuse.

A store is one folder for each model. A file appears when its rows are complete and never changes after that, so that
readers can trust every file although runs may be killed or write concurrently. Several files may have the same image;
readers take the newest one. By the records in `_index/`, readers find an image without reading all files. They read
only those files that no record covers.
"""
