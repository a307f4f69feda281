//! The shop's side: every storefront request, from local memory where it can; only enqueues jobs.
