//! The files of `deploy`, read as the tools that use them do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

pub(super) type Variables = BTreeMap<String, String>;

pub(super) fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name)
}

pub(super) fn text(name: &str) -> Result<String> {
    std::fs::read_to_string(deploy(name)).with_context(|| name.to_owned())
}

pub(super) fn documents(name: &str) -> Result<Vec<Value>> {
    serde_saphyr::from_multiple(&text(name)?).with_context(|| name.to_owned())
}

pub(super) fn compose() -> Result<Value> {
    documents("compose.yaml")?.pop().context("compose.yaml is empty")
}

/// Every document of `deploy/kubernetes` and of its commands.
pub(super) fn manifests() -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for folder in ["kubernetes", "kubernetes/commands"] {
        for entry in std::fs::read_dir(deploy(folder))? {
            let name = entry?.file_name().into_string().ok().context("a name that is no text")?;
            if name.ends_with(".yaml") {
                all.extend(documents(&format!("{folder}/{name}"))?);
            }
        }
    }
    Ok(all)
}

pub(super) fn named<'a>(manifests: &'a [Value], kind: &str, name: &str) -> Result<&'a Value> {
    let found = manifests.iter().find(|one| one["kind"] == kind && one["metadata"]["name"] == name);
    found.with_context(|| format!("no {kind} {name}"))
}

/// `NAME=value` lines.
pub(super) fn sample_env() -> Result<Variables> {
    let lines = text("sample.env")?;
    let pairs = lines.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    pairs
        .map(|line| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect::<Option<_>>()
        .context("a line of sample.env that is no NAME=value")
}

/// The names in `${NAME…}`; `$${` is compose's way to write a `$` that is none of its own.
pub(super) fn variables_in(text: &str) -> BTreeSet<String> {
    let own = text.replace("$$", "");
    let names = own.split("${").skip(1);
    names.map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()).collect()
}

pub(super) fn interpolate(text: &str, variables: &Variables) -> String {
    variables_in(text).iter().fold(text.to_owned(), |text, name| {
        let Some((before, rest)) = text.split_once(&format!("${{{name}")) else { return text };
        let after = rest.split_once('}').map_or("", |(_, after)| after);
        format!("{before}{}{after}", variables.get(name).map_or("", String::as_str))
    })
}

pub(super) fn map(value: &Value) -> Variables {
    let pairs = value.as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// The environment of one service in compose.yaml, with the values of sample.env.
pub(super) fn compose_environment(service: &str) -> Result<Variables> {
    let sample = sample_env()?;
    let environment = map(&compose()?["services"][service]["environment"]);
    ensure!(!environment.is_empty(), "{service} has no environment");
    Ok(environment.into_iter().map(|(name, value)| (name, interpolate(&value, &sample))).collect())
}

/// The same of a deployment in Kubernetes: the shared settings, and its own.
pub(super) fn kubernetes_environment(service: &str) -> Result<Variables> {
    let manifests = manifests()?;
    let mut environment = map(&named(&manifests, "ConfigMap", "settings")?["data"]);
    let container = &container(named(&manifests, "Deployment", service)?)["env"];
    for own in container.as_array().into_iter().flatten() {
        let field = |name: &str| own[name].as_str().unwrap_or_default().to_owned();
        environment.insert(field("name"), field("value"));
    }
    Ok(environment)
}

pub(super) fn container(workload: &Value) -> &Value {
    &workload["spec"]["template"]["spec"]["containers"][0]
}
