"""What a listener is answered: what comes next and why, what was said and heard, mixes, journeys, the map, pictures in numbers."""
