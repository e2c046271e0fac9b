"""Help tests of apps that mount accounts; :mod:`accounts.testing.mailscan` replays mail scanners."""
