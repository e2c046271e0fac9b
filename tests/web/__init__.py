"""The house over HTTP: tables over every route and every kind of link."""
