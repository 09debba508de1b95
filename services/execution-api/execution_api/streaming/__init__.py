"""What running programs print, for readers who come sooner or later."""
