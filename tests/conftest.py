"""Settings of every test: Hypothesis does not judge a shared, busy machine by its speed."""

from hypothesis import HealthCheck, settings

settings.register_profile("onyx", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("onyx")
