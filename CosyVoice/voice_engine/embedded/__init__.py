"""The voice that works after installation alone: English by piper, Mandarin by espeak-ng, moved toward a prompt."""
