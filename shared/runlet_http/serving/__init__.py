"""How gunicorn serves the APIs: with a worker of the project's own where it fits."""
