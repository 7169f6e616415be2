//! All clients in memory, on every node the same within half a second.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use super::{Client, store};
use crate::kernel::error::Error;
use crate::kernel::id::ClientId;
use crate::store::db::Db;

#[derive(Default)]
struct Loaded {
    version: i64,
    clients: HashMap<String, Arc<Client>>,
    /// Where programs run that call us from a browser: the origins of public clients' redirect URIs.
    origins: HashSet<String>,
}

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Registry(Arc<RwLock<Loaded>>);

impl Registry {
    pub async fn load(db: &Db) -> Result<Self, Error> {
        let registry = Self(Arc::new(RwLock::new(Loaded { version: -1, ..Loaded::default() })));
        registry.refresh(db).await?;
        Ok(registry)
    }

    pub fn get(&self, id: &str) -> Option<Arc<Client>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clients.get(id).cloned()
    }

    /// Whether a public client lives at this origin.
    pub fn has_origin(&self, origin: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).origins.contains(origin)
    }

    pub fn find(&self, id: &ClientId) -> Option<Arc<Client>> {
        self.get(&id.0)
    }

    /// Reads the clients again if their version number has changed.
    pub async fn refresh(&self, db: &Db) -> Result<(), Error> {
        let mut tx = db.read().await?;
        let version = store::version(&mut tx).await?;
        if version == self.0.read().unwrap_or_else(PoisonError::into_inner).version {
            return Ok(());
        }
        let clients = store::load_all(&mut tx).await?;
        let public = clients.iter().filter(|client| client.is_public());
        let uris = public.flat_map(|client| &client.redirect_uris).filter_map(|uri| url::Url::parse(uri).ok());
        let origins = uris.map(|uri| uri.origin().ascii_serialization()).collect();
        let clients = clients.into_iter().map(|client| (client.id.0.clone(), Arc::new(client))).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Loaded { version, clients, origins };
        Ok(())
    }
}
