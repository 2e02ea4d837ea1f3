"""Training an avatar from frames whose poses and face-unit coefficients are known. Needs torch."""
