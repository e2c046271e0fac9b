"""Pages and emails as pictures: of docs/screenshots, and of all states in all languages to look at side by side."""
