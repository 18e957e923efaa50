"""Film or model -> figures."""
