"""Responses that outlive their answer: kept on a shelf, gone on with, read again, deleted."""
