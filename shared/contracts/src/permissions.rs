//! Every permission there is: `resource:action`. Roles store them, access tokens carry them, route
//! tables demand them. A name that has been released keeps its meaning.

/// One permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// What is stored and sent: `resource:action`.
    pub name: &'static str,
    /// What it lets its holder do, for people.
    pub meaning: &'static str,
}

macro_rules! permissions {
    ($($constant:ident: $name:literal, $meaning:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $meaning, ".")]
            pub const $constant: &str = $name;
        )*
        /// Every permission, in the order in which documents list them.
        pub const ALL: &[Permission] = &[$(Permission { name: $name, meaning: $meaning }),*];
    };
}

permissions! {
    STORE_READ: "store:read", "see stores";
    STORE_UPDATE: "store:update", "create and change stores";
    PRODUCT_READ: "product:read", "see the working copies of products";
    PRODUCT_UPDATE: "product:update", "change and publish products";
    IMPORT_READ: "import:read", "see imports and what they refused";
    IMPORT_RUN: "import:run", "upload a catalog and let it be imported";
    JOBS_READ: "jobs:read", "see background jobs, with their arguments, and the servers that run them";
    JOBS_MANAGE: "jobs:manage", "delete, requeue and run jobs, pause queues, change recurring jobs";
    USER_READ: "user:read", "see users and their roles";
    USER_UPDATE: "user:update", "create, change, lock and delete users, and set their passwords";
    ROLE_READ: "role:read", "see roles and what they permit";
    ROLE_UPDATE: "role:update", "create, change and delete roles";
    SESSION_READ: "session:read", "see where users are signed in";
    SESSION_END: "session:end", "sign users out";
    API_KEY_READ: "api-key:read", "see API keys, without their secrets";
    API_KEY_UPDATE: "api-key:update", "create, change and delete API keys, and give them new secrets";
    SIGNING_KEY_READ: "signing-key:read", "see which keys sign access tokens, without their secrets";
    SIGNING_KEY_ROTATE: "signing-key:rotate", "let a new key sign access tokens";
}
