"""The pages: they read state, call one curator function per action, and draw."""
