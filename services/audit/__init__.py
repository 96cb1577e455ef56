"""Audit owns the trail: every event of the platform, chained by hashes, queryable, exportable."""
