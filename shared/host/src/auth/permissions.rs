//! What somebody may do: a set of `resource:action` names, or everything.

use std::collections::BTreeSet;

/// A set of permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// Every permission there is, and every one that later versions add.
    All,
    /// These.
    Some(BTreeSet<Box<str>>),
}

/// Stands for [`Permissions::All`] in tokens and in SQL.
const ALL: &str = "*";

impl Permissions {
    /// From names; `*` among them is everything.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: BTreeSet<Box<str>> = names.into_iter().map(Box::from).collect();
        if names.contains(ALL) { Self::All } else { Self::Some(names) }
    }

    /// The names, sorted; everything is `*`.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::All => vec![ALL],
            Self::Some(names) => names.iter().map(AsRef::as_ref).collect(),
        }
    }

    /// Whether this one is among them.
    pub fn holds(&self, permission: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(names) => names.contains(permission),
        }
    }

    /// Those that are in both.
    #[must_use]
    pub fn common(self, others: Self) -> Self {
        match (self, others) {
            (Self::All, some) | (some, Self::All) => some,
            (Self::Some(ours), Self::Some(theirs)) => Self::Some(&ours & &theirs),
        }
    }

    /// Whether all of `others` are among them: who holds these may give or take those.
    pub fn cover(&self, others: &Self) -> bool {
        match (self, others) {
            (Self::All, _) => true,
            (Self::Some(_), Self::All) => false,
            (Self::Some(ours), Self::Some(theirs)) => theirs.is_subset(ours),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Permissions {
        Permissions::from_names(names.iter().copied())
    }

    #[test]
    fn a_star_is_everything_that_is_and_will_be() {
        assert_eq!(of(&["a:read", "*"]), Permissions::All);
        assert!(Permissions::All.holds("anything:new"));
        assert_eq!(Permissions::All.names(), ["*"]);
        assert!(of(&["a:read"]).holds("a:read") && !of(&["a:read"]).holds("a:write"));
        assert!(!of(&["a:*"]).holds("a:read"));
        assert_eq!(of(&["b:read", "a:read"]).names(), ["a:read", "b:read"]);
    }

    #[test]
    fn what_two_sets_have_in_common_is_in_both() {
        let ours = of(&["a:read", "b:read"]);
        assert_eq!(ours.clone().common(of(&["b:read", "c:read"])), of(&["b:read"]));
        assert_eq!(Permissions::All.common(ours.clone()), ours);
        assert_eq!(ours.clone().common(Permissions::All), ours);
        assert_eq!(Permissions::All.common(Permissions::All), Permissions::All);
    }

    #[test]
    fn a_set_covers_its_subsets_and_only_everything_covers_everything() {
        let ours = of(&["a:read", "b:read"]);
        assert!(ours.cover(&ours) && ours.cover(&of(&["a:read"])) && ours.cover(&of(&[])));
        assert!(!ours.cover(&of(&["a:read", "c:read"])) && !ours.cover(&Permissions::All));
        assert!(Permissions::All.cover(&ours) && Permissions::All.cover(&Permissions::All));
    }
}
