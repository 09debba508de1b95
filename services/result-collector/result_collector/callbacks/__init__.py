"""Calling back whoever asked to be told how an execution ended."""
