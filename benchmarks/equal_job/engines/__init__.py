"""The engines: each a program that takes a spec, does the job and ends on SIGTERM."""
