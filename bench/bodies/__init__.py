"""Request bodies: realistic, each unlike the others, and cheap to make."""
