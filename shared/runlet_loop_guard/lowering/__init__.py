"""From a program's syntax tree to the small syntax that all languages share."""
