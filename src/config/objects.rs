//! Where the files of people and organisations lie.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{Config, SecretSource};
use crate::kernel::scan::Place;

section! {
    /// Files that people and organisations send or keep: in a directory, or in a bucket of an S3 service. They are sealed before they get there ([operations](operations.md#files-of-people-and-organisations)).
    Objects "[objects]" {
        /// The directory. Nodes on one PostgreSQL need a directory that all of them share. With SQLite: `objects` beside the database, if nothing is said.
        directory: Option<PathBuf> = None,
        /// Instead of a directory: the address of the S3 service, as in `https://s3.example.de`. https, outside loopback.
        s3_endpoint: Option<String> = None,
        /// The bucket. It must be there, and for this program alone.
        s3_bucket: Option<String> = None,
        /// The region, as the service calls it.
        s3_region: String = "us-east-1".to_owned(),
        /// Id of the access key.
        s3_access_key_id: Option<String> = None,
        /// Source of the secret access key.
        s3_secret_access_key: Option<SecretSource> = None,
        /// PEM file of an additional certificate authority for the service.
        s3_authority_file: Option<PathBuf> = None,
        /// Where a virus scanner listens that sees every file before it is taken: `tcp:<host>:<port>` or `unix:<path>` of a ClamAV daemon (clamd). It gets the file as it is, so over TCP only on this host or in a network of its own. If it does not answer, no file is taken. Without one people read that nobody has looked.
        scan: Option<String> = None,
    }
}

/// Everything that is needed to reach a bucket.
pub struct S3<'a> {
    pub endpoint: &'a str,
    pub bucket: &'a str,
    pub access_key_id: &'a str,
    pub secret_access_key: &'a SecretSource,
}

impl Objects {
    /// The bucket, if there is one.
    pub fn s3(&self) -> Option<S3<'_>> {
        Some(S3 {
            endpoint: self.s3_endpoint.as_deref()?,
            bucket: self.s3_bucket.as_deref()?,
            access_key_id: self.s3_access_key_id.as_deref()?,
            secret_access_key: self.s3_secret_access_key.as_ref()?,
        })
    }

    /// Where the scanner listens, if there is one.
    pub fn scanner(&self) -> Result<Option<Place>, String> {
        self.scan.as_deref().map(Place::parse).transpose().map_err(|expected| format!("objects.scan: {expected}"))
    }

    pub(super) fn check(&self) -> Result<(), String> {
        self.scanner()?;
        let parts = [self.s3_endpoint.is_some(), self.s3_bucket.is_some(), self.s3_access_key_id.is_some()];
        let given = parts.into_iter().chain([self.s3_secret_access_key.is_some()]).filter(|given| *given).count();
        if given == 0 {
            return Ok(());
        }
        if self.directory.is_some() {
            return Err("objects: directory or s3_endpoint, not both".to_owned());
        }
        if given < 4 {
            return Err(
                "objects: s3_endpoint, s3_bucket, s3_access_key_id and s3_secret_access_key belong together".to_owned()
            );
        }
        let endpoint = self.s3_endpoint.as_deref().unwrap_or_default();
        let url = Url::parse(endpoint).map_err(|error| format!("objects.s3_endpoint: {error}"))?;
        let is_here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if !(url.scheme() == "https" || url.scheme() == "http" && is_here) {
            return Err("objects.s3_endpoint: must be https, outside loopback".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err("objects.s3_endpoint: scheme, host, port and path, nothing else".to_owned());
        }
        let bucket = self.s3_bucket.as_deref().unwrap_or_default();
        if bucket.is_empty() || !bucket.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)) {
            return Err("objects.s3_bucket: the name of a bucket".to_owned());
        }
        Ok(())
    }
}

impl Config {
    /// The directory of the objects, if they lie in one: beside a SQLite database if nothing else is said.
    pub fn object_directory(&self) -> Option<PathBuf> {
        if self.objects.directory.is_some() || self.objects.s3().is_some() {
            return self.objects.directory.clone();
        }
        let database = self.database.url.strip_prefix("sqlite:")?;
        Some(PathBuf::from(database).with_file_name("objects"))
    }
}
