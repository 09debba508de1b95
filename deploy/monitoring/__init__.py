"""The dashboard outside of Grafana: what its panels ask, and a picture of the answers."""
