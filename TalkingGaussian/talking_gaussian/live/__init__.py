"""Talking live: speech comes bit by bit, the video goes out bit by bit, from engines that stay loaded."""
