"""What is in a workspace: a profile from one pass over a tap's messages, in bounded memory."""
