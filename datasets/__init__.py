"""Readers of data sets, virtual cameras and synthetic people."""
