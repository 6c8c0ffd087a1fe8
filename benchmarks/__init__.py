"""The project's claims about speed, measured side by side: `python -m benchmarks`. See README.md."""
