"""The painter that needs no key: a scene drawn from the words of the prompt."""
