"""What the room service reads beyond the log's port."""
