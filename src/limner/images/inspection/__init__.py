"""Whether bytes are a picture that can be trusted: asked before anything else reads them."""
