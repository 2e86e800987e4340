"""Any chat model, one call in, one illustrated reply out."""
