"""Recipes: data to weights, one a file."""
