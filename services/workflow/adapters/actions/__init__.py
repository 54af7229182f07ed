"""The actions that the workflow service does itself, within the dispatcher's call."""
