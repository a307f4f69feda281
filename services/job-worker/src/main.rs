//! Entry point of `job-worker`.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::main(host::Service::JobWorker, handlers::MIGRATIONS, host::Operations::default(), job_worker::run)
}
