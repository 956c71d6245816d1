"""Ready networks: descriptions and weights that this project trained."""
