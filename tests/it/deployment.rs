//! The files that containers are made and started from say what the programs know: `deploy/Dockerfile`,
//! `deploy/compose.yaml` with `deploy/sample.env`, `deploy/kubernetes`. What only tools of others can judge is in
//! `tests/judges/deploy`.

mod files;

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use e2e::binary;
use serde_json::Value;
use tempfile::TempDir;

use files::{
    Variables, compose, compose_environment, container, deploy, kubernetes_environment, manifests, map,
    named, sample_env, text, variables_in,
};

const SERVICES: [&str; 3] = ["frontend-api", "authoring-api", "job-worker"];
/// Seconds after SIGTERM at which a process ends itself, whatever still runs (`host::lifecycle::HARD_STOP_AFTER`).
const HARD_STOP_AFTER_SECS: u64 = 28;

/// Starts a service with nothing but this environment, its secrets put where the test may write, up to the point where
/// it shows its configuration.
fn configuration(service: &str, environment: &Variables, arguments: &[&str]) -> Result<String> {
    let secrets = TempDir::new()?;
    std::fs::write(secrets.path().join("redis_connection"), "redis:6379,password=p,ssl=False")?;
    for name in ["sql_connection", "sql"] {
        std::fs::write(secrets.path().join(name), "Server=sql,1433;Database=Stoa;User ID=u;Password=p;\n")?;
    }
    std::fs::write(secrets.path().join("redis"), "redis:6380,password=p,ssl=True,abortConnect=False")?;
    for name in ["bootstrap_password", "bootstrap-password"] {
        std::fs::write(secrets.path().join(name), "a-password-for-the-first-user\n")?;
    }
    let mut command = Command::new(binary(service)?);
    command.env_clear().current_dir(secrets.path()).arg("--print-config").args(arguments);
    for (name, value) in environment {
        let file = value.strip_prefix("/run/secrets/").map(|file| file.trim_start_matches("stoa/"));
        match file {
            Some(file) => command.env(name, secrets.path().join(file)),
            None => command.env(name, value),
        };
    }
    let output = command.output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{service} refuses its environment: {errors}");
    Ok(String::from_utf8(output.stdout)?)
}

/// Each variable with `__` must be the origin of a value: a key that the program does not know would show nowhere.
fn all_are_known(service: &str, environment: &Variables, arguments: &[&str]) -> Result<()> {
    let shown = configuration(service, environment, arguments)?;
    let keys = environment.keys().filter(|name| name.contains("__"));
    for name in keys {
        let origin = format!("# environment variable {name}");
        let is_origin = |line: &str| line.ends_with(&origin) || line.contains(&format!("{origin}, file "));
        ensure!(shown.lines().any(is_origin), "{service} knows no {name}:\n{shown}");
    }
    Ok(())
}

#[test]
fn every_variable_of_the_containers_is_a_key_that_the_service_reads() -> Result<()> {
    for service in SERVICES {
        for environment in [compose_environment(service)?, kubernetes_environment(service)?] {
            all_are_known(service, &environment, &[])?;
        }
    }
    let mut mistyped = compose_environment("frontend-api")?;
    mistyped.insert("Sql__MaxPoolsize2".to_owned(), "3".to_owned());
    assert!(all_are_known("frontend-api", &mistyped, &[]).is_err(), "the check sees a key that is none");
    Ok(())
}

#[test]
fn the_settings_files_go_together_with_the_environment_of_the_containers() -> Result<()> {
    let files = [("commerce", "frontend-api"), ("authoring", "authoring-api"), ("authoring", "job-worker")];
    for (topology, service) in files {
        let file = deploy(&format!("settings/{topology}.appsettings.json"));
        let file = std::path::absolute(file)?;
        let arguments = ["--config", file.to_str().context("a path that is no text")?];
        // The connection strings of the files are samples: those of the environment win.
        all_are_known(service, &compose_environment(service)?, &arguments)?;
        all_are_known(service, &kubernetes_environment(service)?, &arguments)?;
    }
    Ok(())
}

#[test]
fn the_sample_has_every_variable_of_compose_and_no_other() -> Result<()> {
    let lines = text("compose.yaml")?;
    let code: String = lines.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let used = variables_in(&code);
    let sampled: BTreeSet<String> = sample_env()?.into_keys().collect();
    assert_eq!(used, sampled);
    Ok(())
}

#[test]
fn images_hold_the_binaries_of_the_workspace_and_open_the_ports_that_they_listen_on() -> Result<()> {
    let dockerfile = text("Dockerfile")?;
    let stages: Vec<&str> = dockerfile.split("\nFROM ").skip(1).collect();
    let compose = compose()?;
    let manifests = manifests()?;
    let proxy = map(&compose["services"]["proxy"]["environment"]);
    for name in SERVICES.iter().chain(&["local-sql"]) {
        binary(name)?;
        let stage = stages.iter().find(|stage| stage.starts_with(&format!("runtime AS {name}\n")));
        let stage = stage.with_context(|| format!("no stage {name}"))?;
        assert!(dockerfile.contains(&format!("--bin {name}")), "{name} is not built");
        assert!(stage.contains(&format!("ENTRYPOINT [\"/usr/local/bin/{name}\"]")), "{name}");
        assert_eq!(compose["services"][name]["build"]["target"], **name);
        let line = |word: &str| stage.lines().find_map(|line| line.strip_prefix(word));
        let port = line("EXPOSE ").with_context(|| format!("{name} opens no port"))?;
        let listens = format!("0.0.0.0:{port}");
        assert!(stage.contains(&listens), "{name} does not listen on its port");
        if *name == "local-sql" {
            continue;
        }
        let health = format!("CMD [\"/usr/local/bin/{name}\", \"health\"]");
        assert!(stage.contains(&health), "{name} has no health check");
        // The port of its own default: what documents say about it holds in containers, too.
        let by_default = Variables::from([(
            "ConnectionStrings__VirtoCommerce".to_owned(),
            "Server=sql;Database=d;User ID=u;Password=p".to_owned(),
        )]);
        let shown = configuration(name, &by_default, &[])?;
        assert!(shown.contains(&format!("Http:Listen = 127.0.0.1:{port}  # default")), "{name}: {port}");
        let in_image = Variables::from([("Http__Listen".to_owned(), listens)]);
        let in_image = by_default.into_iter().chain(in_image).collect();
        all_are_known(name, &in_image, &[])?;
        let manifest = container(named(&manifests, "Deployment", name)?);
        assert_eq!(manifest["ports"][0]["containerPort"].to_string(), port);
        assert!(
            manifest["image"].as_str().is_some_and(|image| image.starts_with(&format!("stoa/{name}:"))),
            "{name}"
        );
        if *name != "job-worker" {
            let upstream = name.replace('-', "_").to_uppercase();
            assert_eq!(proxy[&upstream], format!("{name}:{port}"));
        }
    }
    Ok(())
}

#[test]
fn containers_get_more_time_to_stop_than_a_process_takes() -> Result<()> {
    let lifecycle = std::fs::read_to_string(deploy("../shared/host/src/lifecycle.rs"))?;
    assert!(
        lifecycle
            .contains(&format!("HARD_STOP_AFTER: Duration = Duration::from_secs({HARD_STOP_AFTER_SECS})"))
    );
    let compose = compose()?;
    let manifests = manifests()?;
    for service in SERVICES {
        let grace = compose["services"][service]["stop_grace_period"].as_str().context("no grace period")?;
        let secs: u64 = grace.trim_end_matches('s').parse()?;
        assert!(secs > HARD_STOP_AFTER_SECS, "compose kills {service} after {secs} s");
        let pod = &named(&manifests, "Deployment", service)?["spec"]["template"]["spec"];
        let secs = pod["terminationGracePeriodSeconds"].as_u64().context("no grace period")?;
        assert!(secs > HARD_STOP_AFTER_SECS, "Kubernetes kills {service} after {secs} s");
        // A load balancer sees the stop while requests are still taken: Http:StopDelay is 5 s.
        let probe = &pod["containers"][0]["readinessProbe"];
        let notices = probe["periodSeconds"].as_u64().zip(probe["failureThreshold"].as_u64());
        assert!(notices.is_some_and(|(period, failures)| period * failures < 5), "{probe}");
    }
    Ok(())
}

#[test]
fn nothing_in_a_container_may_write_or_become_more_than_it_is() -> Result<()> {
    let compose = compose()?;
    for (name, service) in compose["services"].as_object().context("no services")? {
        assert_eq!(service["security_opt"][0], "no-new-privileges:true", "{name}");
        // Microsoft's image cannot do without.
        if name != "sqlserver" {
            assert_eq!(
                (&service["read_only"], &service["cap_drop"][0]),
                (&true.into(), &"ALL".into()),
                "{name}"
            );
        }
        if service["restart"] != "no" {
            assert!(service["deploy"]["resources"]["limits"]["memory"].is_string(), "{name} has no limit");
        }
    }
    for service in SERVICES {
        let ports = &compose["services"][service]["ports"];
        assert!(ports.is_null(), "{service} is reachable past the proxy");
        // A name can be given once: it would forbid `--scale`.
        assert!(compose["services"][service]["container_name"].is_null(), "{service}");
    }
    let published = &compose["services"]["local-sql"];
    assert!(published["ports"].is_null() && published["networks"] == serde_json::json!(["backing"]));
    assert_eq!(compose["networks"]["backing"]["internal"], true);
    for workload in manifests()?.iter().filter(|one| one["spec"]["template"].is_object()) {
        let pod = &workload["spec"]["template"]["spec"];
        let name = &workload["metadata"]["name"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
        let context = &pod["containers"][0]["securityContext"];
        assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
        assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
        assert_eq!(context["capabilities"]["drop"][0], "ALL", "{name}");
        assert!(pod["containers"][0]["resources"]["limits"]["memory"].is_string(), "{name}");
    }
    Ok(())
}

#[test]
fn services_are_led_to_their_servers_and_never_to_each_other() -> Result<()> {
    for service in SERVICES {
        for environment in [compose_environment(service)?, kubernetes_environment(service)?] {
            for (name, value) in &environment {
                let other = SERVICES.iter().find(|other| value.contains(*other));
                assert!(other.is_none(), "{service} is told of {other:?} by {name}");
            }
        }
    }
    let manifests = manifests()?;
    let policies: Vec<&Value> = manifests.iter().filter(|one| one["kind"] == "NetworkPolicy").collect();
    let closed = |policy: &&Value| policy["spec"]["podSelector"] == serde_json::json!({});
    let by_default =
        policies.iter().copied().find(|policy| policy["spec"]["ingress"].is_null() && closed(policy));
    let types = &by_default.context("everything is allowed by default")?["spec"]["policyTypes"];
    assert_eq!(*types, serde_json::json!(["Ingress", "Egress"]));
    let rules = policies.iter().flat_map(|policy| ["ingress", "egress"].map(|way| &policy["spec"][way]));
    for rule in rules.filter_map(Value::as_array).flatten() {
        let peers = ["from", "to"].iter().filter_map(|way| rule[*way].as_array()).flatten();
        for peer in peers {
            assert!(peer["podSelector"].is_null(), "pods of the same namespace: {rule}");
        }
        assert!(rule["from"].is_array() || rule["to"].is_array(), "everybody: {rule}");
    }
    Ok(())
}

#[test]
fn binaries_need_no_library_that_their_image_lacks() -> Result<()> {
    // What distroless `cc` has of what a Rust binary may ask for.
    let in_image =
        ["linux-vdso.so.1", "libc.so.6", "libm.so.6", "libgcc_s.so.1", "/lib64/ld-linux-x86-64.so.2"];
    let on_arm = "/lib/ld-linux-aarch64.so.1";
    for name in SERVICES.iter().chain(&["local-sql"]) {
        let output = Command::new("ldd").arg(binary(name)?).output().context("ldd, of Debian's libc-bin")?;
        let lines = String::from_utf8(output.stdout)?;
        let needed: Vec<&str> = lines.lines().filter_map(|line| line.split_whitespace().next()).collect();
        ensure!(needed.contains(&"libc.so.6"), "{name}: {lines}");
        for library in needed {
            assert!(in_image.contains(&library) || library == on_arm, "{name} needs {library}");
        }
    }
    Ok(())
}

#[test]
fn secrets_for_compose_are_what_services_and_servers_read() -> Result<()> {
    let folder = TempDir::new()?;
    for profile in ["desk", "sqlserver"] {
        let secrets = folder.path().join(profile);
        let make = || Command::new(deploy("make-secrets")).arg(profile).arg(&secrets).status();
        assert!(make()?.success());
        let read = |name: &str| std::fs::read_to_string(secrets.join(name));
        let before = read("sql_frontend")?;
        assert!(make()?.success());
        assert_eq!(before, read("sql_frontend")?, "a second run keeps what is there");

        let declared = compose()?["secrets"].clone();
        for name in declared.as_object().context("no secrets")?.keys() {
            assert!(read(name)?.trim_end().len() >= 16, "{name}");
        }
        for (service, secret) in [
            ("frontend-api", "sql_frontend"),
            ("authoring-api", "sql_authoring"),
            ("job-worker", "sql_worker"),
        ] {
            let file = |name: &str| secrets.join(name).display().to_string();
            let environment = Variables::from([
                ("ConnectionStrings__VirtoCommerce__File".to_owned(), file(secret)),
                ("ConnectionStrings__RedisConnectionString__File".to_owned(), file("redis_connection")),
                ("Authorization__BootstrapPassword__File".to_owned(), file("bootstrap_password")),
            ]);
            let shown = configuration(service, &environment, &[])?;
            let server = if profile == "desk" { "local-sql" } else { "sqlserver" };
            assert!(
                shown.contains(&format!("Data Source=tcp:{server},1433;Initial Catalog=Stoa")),
                "{shown}"
            );
        }
    }
    let of = |profile: &str, name: &str| std::fs::read_to_string(folder.path().join(profile).join(name));
    assert!(of("desk", "sql_worker")?.contains("User ID=sa;"));
    assert!(of("sqlserver", "sql_worker")?.contains("User ID=stoa_job_worker;"));
    Ok(())
}
