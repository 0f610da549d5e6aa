"""The labelling screen: a browser part (`assets/`), the routes that it calls, and the component that mounts it."""
