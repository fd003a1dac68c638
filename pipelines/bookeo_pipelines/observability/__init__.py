"""What a load tells while it runs: progress, spans, metrics, alerts."""
