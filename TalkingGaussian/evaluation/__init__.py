"""Comparing a talking video with its reference: metrics, sync, alignment. `landmarks` and `sync_offset` need numpy and
scipy only."""
