"""The OpenAPI document that each API serves of itself."""
