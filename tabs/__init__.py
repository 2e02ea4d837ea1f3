"""The page: one file a tab. Components, events and words; no subprocess, no model code."""
