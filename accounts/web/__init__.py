"""How somebody asks: one set of views, spoken as pages and as JSON."""
