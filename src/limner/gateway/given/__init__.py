"""Pictures that clients give: to be resembled, to be edited, and where."""
