"""How fast gstream is beside others: `python -m tests.bench` prints one table."""
