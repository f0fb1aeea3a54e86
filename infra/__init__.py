"""What every part stands on: settings, types, events, the store, the bus, and the embedded services."""
