//! Entry point of `job-worker`.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::main(host::Service::JobWorker, handlers::MIGRATIONS, job_worker::run)
}
