"""From the model's text and the finished pictures to parts and Markdown. Pure."""
