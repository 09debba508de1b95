"""Running one untrusted program under hard limits."""
