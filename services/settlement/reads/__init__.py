"""What settlement can be asked: statements and how they came about, balances, books, commitments, revenue."""
