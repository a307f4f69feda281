//! Permissions: what is stored in roles and carried by tokens.

use std::collections::BTreeSet;

use contracts::permissions::ALL;

#[test]
fn every_permission_is_a_resource_and_an_action_and_there_are_no_two_of_one_name() {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    for permission in ALL {
        let (resource, action) = permission.name.split_once(':').unwrap();
        assert!(is_word(resource) && is_word(action), "{}", permission.name);
    }
    assert_eq!(ALL.iter().map(|permission| permission.name).collect::<BTreeSet<_>>().len(), ALL.len());
}

#[test]
fn a_permission_that_was_released_stays() {
    let released = [
        "store:read",
        "store:update",
        "product:read",
        "product:update",
        "import:read",
        "import:run",
        "jobs:read",
        "jobs:manage",
        "user:read",
        "user:update",
        "role:read",
        "role:update",
        "session:read",
        "session:end",
    ];
    for name in released {
        assert!(ALL.iter().any(|permission| permission.name == name), "roles in databases have {name}");
    }
}
