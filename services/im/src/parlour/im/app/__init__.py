"""Messages: checked, limited, appended."""
