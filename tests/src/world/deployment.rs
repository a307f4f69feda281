//! A database prepared as `deploy/sql` tells an administrator: logins, users, schema, grants. Its files are run as they
//! are, with the passwords that sqlcmd would put in.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use sql::{ConnectionString, Database, Options};

use super::backing::SA_PASSWORD;
use super::launch::{Launch, Role};
use super::{Instance, Process};

/// The password of every login that is made here.
pub const OWN_PASSWORD: &str = "Own-login-1!";
/// The login that may change the schema.
const MIGRATOR: &str = "stoa_migrator";

/// The login of a service.
pub(super) fn login_of(role: Role) -> &'static str {
    match role {
        Role::Authoring => "stoa_authoring_api",
        Role::Frontend => "stoa_frontend_api",
        Role::Worker => "stoa_job_worker",
    }
}

/// Everything that happens before the first service starts.
pub(super) async fn prepare(launch: &Launch) -> Result<()> {
    // Each twice: the second run must change nothing and fail at nothing, as compose runs them at every start.
    for script in ["logins.sql", "logins.sql", "users.sql", "users.sql"] {
        run_script(launch, script).await?;
    }
    migrate(launch).await?;
    run_script(launch, "grants.sql").await?;
    run_script(launch, "grants.sql").await
}

async fn run_script(launch: &Launch, file: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/sql").join(file);
    let mut text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    for name in ["Migrator", "Frontend", "Authoring", "Worker"] {
        text = text.replace(&format!("$({name}Password)"), OWN_PASSWORD);
    }
    let mut string = launch.sql.connection_string("sa", SA_PASSWORD);
    if launch.sql.is_encrypted {
        string.push_str("TrustServerCertificate=True");
    }
    let administrator = Database::connect(&ConnectionString::parse(&string)?, Options::default()).await?;
    let done = administrator.run_script(&text).await.with_context(|| file.to_owned());
    administrator.close().await;
    done
}

/// `authoring-api migrate` with the login that may.
async fn migrate(launch: &Launch) -> Result<()> {
    let mut command = launch.command(Instance::Authoring(0), &["migrate"])?;
    command.env("ConnectionStrings__VirtoCommerce", launch.sql.connection_string(MIGRATOR, OWN_PASSWORD));
    let mut process = Process::start("migrate", &mut command, &launch.directory.join("migrate.log"))?;
    let status = process.ended().await?;
    ensure!(status.success(), "authoring-api migrate ended with {status}:\n{}", process.log()?);
    Ok(())
}
