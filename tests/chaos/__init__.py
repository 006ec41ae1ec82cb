"""Workers as processes, a steady load, seeded faults; afterwards everything must have counted exactly once.

`purses` is the service under test, `job` its topics, `process` a worker of it. `load` and `faults` are what
happens to it, `rounds` puts them together. `reference` counts naively what `found` must hold; `verdict`
compares. `mutants` are workers with a safeguard taken out: the rounds must notice. `make chaos` plays
long rounds.
"""
