//! What makes a process one of ours: configuration, telemetry, lifecycle, problem+json, auth, health.
