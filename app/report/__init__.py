"""What was spent, on what, and what it was good for, read from the ledger's sums and records.

In come a tenant, a window of time and dimensions; out go rows of whole numbers whose total is the total of everything,
as JSON, CSV, Parquet or OTLP. It never writes to the ledger, and never looks at more than one tenant at a time.
"""
