"""What a training leaves in MLflow: curves, pictures, a model card, a version."""
