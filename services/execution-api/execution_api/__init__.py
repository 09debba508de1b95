"""Accepts runs, hands them to the runners, and tells what became of them."""
