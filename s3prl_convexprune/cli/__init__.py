"""The commands, one thin file a verb; what they do lives in the room that the verb names."""
