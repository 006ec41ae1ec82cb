"""Why a run gives no figures."""


class FullJobError(Exception):
    """The worker ended early, took too long or lost something."""
