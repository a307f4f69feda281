//! Everything that crosses a process boundary: job payloads, cache keys and tags.
