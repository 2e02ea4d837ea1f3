"""Jobs that outlive the page and the app. Import from `bridges.jobs.job`: submit, get_job, list_jobs, run_again, adopt,
clean_up. This file imports nothing, because the runner's start passes through it."""
