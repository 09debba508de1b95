"""The PostgreSQL side: engines, transactions with a deadline, and prepared statements."""
