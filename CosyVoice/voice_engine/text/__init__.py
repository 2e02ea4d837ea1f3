"""What a text is made of: its language, its numbers in words, its pieces to be spoken one by one."""
