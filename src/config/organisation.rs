//! Organisations.

use serde::{Deserialize, Serialize};

section! {
    /// Organisations: companies, associations and authorities; see [organisations](organisations.md).
    Organisation "[organisation]" {
        /// Address of the service that looks entries of public registers up, as in `https://register.example/v1` ([its protocol](organisations.md#the-register-service)). Without it nobody's entry is checked. A host that is not public, or another port than 443, has to stand in `outbound.allowed_hosts`.
        register_uri: Option<String> = None,
        /// How long its answer may take, 1 to 5 seconds.
        register_timeout_seconds: u64 = 3,
    }
}

impl Organisation {
    /// What cannot work.
    pub(super) fn check(&self, loopback: bool) -> Result<(), String> {
        if !(1..=5).contains(&self.register_timeout_seconds) {
            return Err("organisation.register_timeout_seconds: between 1 and 5".to_owned());
        }
        let Some(uri) = &self.register_uri else { return Ok(()) };
        let url = url::Url::parse(uri).map_err(|error| format!("organisation.register_uri: {error}"))?;
        let is_safe = url.scheme() == "https" || (loopback && url.scheme() == "http");
        if !is_safe || url.query().is_some() || url.fragment().is_some() || uri.ends_with('/') {
            return Err(
                "organisation.register_uri: must be https, without query, fragment and slash at its end".to_owned()
            );
        }
        Ok(())
    }
}
