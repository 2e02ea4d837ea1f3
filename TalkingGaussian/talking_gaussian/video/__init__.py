"""Reading plates and writing the talking video, by PyAV (FFmpeg's libraries inside a wheel)."""
