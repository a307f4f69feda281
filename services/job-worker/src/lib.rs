//! Runs the background jobs: a thin process around shared/handlers.
