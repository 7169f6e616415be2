//! What a mandate allows, and where.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::super::acting::Service;
use super::Action;
use crate::kernel::id::{AuthorityId, ClientId};

/// Where an agent may do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Services {
    All,
    Only(BTreeSet<ClientId>),
    /// All of these authorities, whichever those are at the moment of use, and those that are named besides.
    Of {
        authorities: BTreeSet<AuthorityId>,
        services: BTreeSet<ClientId>,
    },
}

impl Services {
    /// Those that somebody has chosen. Without an authority it is written as it always was.
    pub fn chosen(authorities: BTreeSet<AuthorityId>, services: BTreeSet<ClientId>) -> Self {
        if authorities.is_empty() { Self::Only(services) } else { Self::Of { authorities, services } }
    }

    /// The authorities that are named.
    pub fn authorities(&self) -> impl Iterator<Item = &AuthorityId> {
        let authorities = match self {
            Self::Of { authorities, .. } => Some(authorities),
            Self::All | Self::Only(_) => None,
        };
        authorities.into_iter().flatten()
    }

    /// The services that are named.
    pub fn named(&self) -> impl Iterator<Item = &ClientId> {
        let services = match self {
            Self::Only(services) | Self::Of { services, .. } => Some(services),
            Self::All => None,
        };
        services.into_iter().flatten()
    }

    /// Whether these are all of the other, today and later: which services an authority has is not asked, because that changes.
    fn include(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (_, Self::All) => false,
            _ => {
                other.authorities().all(|theirs| self.authorities().any(|mine| mine == theirs))
                    && other.named().all(|theirs| self.named().any(|mine| mine == theirs))
            }
        }
    }
}

/// What a mandate allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    pub actions: BTreeSet<Action>,
    pub services: Services,
}

impl Scope {
    pub fn covers(&self, service: Service<'_>) -> bool {
        match &self.services {
            Services::All => true,
            Services::Only(services) => services.contains(service.client),
            Services::Of { authorities, services } => {
                services.contains(service.client)
                    || service.authority.is_some_and(|authority| authorities.contains(authority))
            }
        }
    }

    /// Whether it allows this everywhere.
    pub fn is_for_all(&self, action: Action) -> bool {
        self.services == Services::All && self.actions.contains(&action)
    }

    /// Whether everything that the other allows is allowed here, too.
    pub(super) fn includes(&self, other: &Self) -> bool {
        self.services.include(&other.services) && self.actions.is_superset(&other.actions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(actions: &[Action], services: Option<&[&str]>) -> Scope {
        let only = |names: &[&str]| names.iter().map(|name| ClientId((*name).to_owned())).collect();
        Scope {
            actions: actions.iter().copied().collect(),
            services: services.map_or(Services::All, |names| Services::Only(only(names))),
        }
    }

    #[test]
    fn nobody_passes_on_more_than_they_hold() {
        use Action::{Answer, Read, Submit};
        let held = scope(&[Read, Answer], Some(&["parken", "bau"]));
        assert!(held.includes(&held) && held.includes(&scope(&[Read], Some(&["bau"]))));
        assert!(scope(&[Read], None).includes(&scope(&[Read], Some(&["bau"]))));
        for more in
            [scope(&[Read, Submit], Some(&["bau"])), scope(&[Read], Some(&["bau", "steuer"])), scope(&[Read], None)]
        {
            assert!(!held.includes(&more), "{more:?}");
        }
        // An authority is passed on as a whole: which services it has changes.
        let authorities = |names: &[&str], services: &[&str]| {
            let authority = |name: &&str| AuthorityId((*name).to_owned());
            let Services::Only(services) = scope(&[], Some(services)).services else { unreachable!() };
            Scope {
                actions: [Read].into(),
                services: Services::chosen(names.iter().map(authority).collect(), services),
            }
        };
        let held = authorities(&["07315", "07316"], &["bau"]);
        for less in [authorities(&["07315"], &[]), authorities(&["07316"], &["bau"]), authorities(&[], &["bau"])] {
            assert!(held.includes(&less), "{less:?}");
        }
        for more in [authorities(&["07317"], &[]), authorities(&["07315"], &["parken"]), scope(&[Read], None)] {
            assert!(!held.includes(&more), "{more:?}");
        }
        assert!(scope(&[Read], None).includes(&held));
    }

    #[test]
    fn a_mandate_covers_what_an_authority_has_at_that_moment() {
        let [parken, bau] = ["parken", "bau"].map(|name| ClientId(name.to_owned()));
        let [mainz, bonn] = ["07315", "05314"].map(|name| AuthorityId(name.to_owned()));
        let services = Services::chosen([mainz.clone()].into(), [bau.clone()].into());
        let scope = Scope { actions: [Action::Read].into(), services };
        let covers = |client, authority| scope.covers(Service { client, authority });
        assert!(covers(&parken, Some(&mainz)) && covers(&bau, None) && covers(&bau, Some(&bonn)));
        assert!(!covers(&parken, Some(&bonn)) && !covers(&parken, None));
        // As it is stored; without an authority as it always was.
        let text = serde_json::to_string(&scope.services).unwrap();
        assert_eq!(text, r#"{"of":{"authorities":["07315"],"services":["bau"]}}"#);
        assert_eq!(serde_json::from_str::<Services>(&text).unwrap(), scope.services);
        let only = serde_json::to_string(&Services::chosen(BTreeSet::new(), [bau].into())).unwrap();
        assert_eq!(only, r#"{"only":["bau"]}"#);
    }
}
