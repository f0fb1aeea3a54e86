"""From a folder of audio and a topic of plays to MongoDB."""
