"""How the truth is said in each format: from ledger lines to columns of their own."""
