"""The layer between the page (or a script, a notebook, the command line) and the engines: requests in, jobs out.

Nothing here imports gradio or torch. See `bridges.talking_gaussian`, `bridges.environments`, `bridges.system` and
`bridges.jobs`; `python -m bridges --help` is the same from a shell.
"""
