//! Entry point of `authoring-api`; what it serves is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::main(
        host::Service::AuthoringApi,
        handlers::MIGRATIONS,
        authoring_api::OPERATIONS,
        authoring_api::run,
    )
}
