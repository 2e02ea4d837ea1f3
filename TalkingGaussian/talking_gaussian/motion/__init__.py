"""Face motion: [frames, units] float32 arrays with a list of unit names, from phonemes, from speech, or idle."""
