//! Entry point of `frontend-api`; what it serves is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::main(
        host::Service::FrontendApi,
        handlers::MIGRATIONS,
        host::Operations::default(),
        frontend_api::run,
    )
}
