"""Text to speech in a given voice: CosyVoice 1, 2 and 3 where they are installed, else the embedded offline voice."""
