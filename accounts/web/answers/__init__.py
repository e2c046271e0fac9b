"""What JSON answers, declared once: a model a route. Bodies, OpenAPI and the console's ``--json`` follow."""
