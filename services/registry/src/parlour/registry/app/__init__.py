"""Handles commands, ends what leavers and lost transports had, and places transports."""
