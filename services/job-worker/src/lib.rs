//! Runs the background jobs: a thin process around `handlers`. Serves nothing but the health routes.

use host::Host;

/// Runs until the process is asked to stop.
///
/// # Errors
/// The port or the job server cannot be started, or the server ended by itself.
pub async fn run(host: Host) -> anyhow::Result<()> {
    let dependencies = handlers::Dependencies { database: host.database.clone(), push: host.push.clone() };
    host.start_job_server(handlers::registry(dependencies))?;
    host.serve(None, |_no_routes| {}).await
}
