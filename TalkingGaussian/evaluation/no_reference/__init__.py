"""Metrics of single pictures without a reference. Runs in tg_niqe: numpy, scipy and a reader of videos."""
