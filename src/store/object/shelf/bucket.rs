//! A bucket of an S3 service, by the crate `object_store`.
//!
//! What is longer than one part is uploaded in parts of 5 MiB, the least that S3 allows: that much of one upload is held in
//! memory. It is read in pieces, each a request of its own, so that a reader who takes their time holds no connection.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{Certificate, ClientOptions, MultipartUpload, ObjectStoreExt as _, PutPayload, RetryConfig};

use super::Failure;
use crate::kernel::secret::Secret;

/// S3 refuses smaller ones but for the last.
const PART: usize = 5 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// One request, with its body.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// All tries of one request.
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);
const RETRIES_MAX: usize = 3;

/// What is needed to reach one.
pub struct BucketSettings {
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    pub access_key_id: String,
    pub secret_access_key: Secret<String>,
    /// PEM of an additional certificate authority.
    pub authority: Option<Vec<u8>>,
}

#[derive(Clone)]
pub struct Bucket(Arc<AmazonS3>);

impl Bucket {
    /// Calls nobody yet.
    pub fn open(settings: &BucketSettings) -> Result<Self, String> {
        let text = |error: object_store::Error| error.to_string();
        let mut client = ClientOptions::new()
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_timeout(REQUEST_TIMEOUT)
            .with_allow_http(true);
        if let Some(pem) = &settings.authority {
            client = client.with_root_certificate(Certificate::from_pem(pem).map_err(text)?);
        }
        let retry = RetryConfig { max_retries: RETRIES_MAX, retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() };
        let bucket = AmazonS3Builder::new()
            .with_endpoint(&settings.endpoint)
            .with_region(&settings.region)
            .with_bucket_name(&settings.bucket)
            .with_access_key_id(&settings.access_key_id)
            .with_secret_access_key(settings.secret_access_key.expose())
            .with_allow_http(settings.endpoint.starts_with("http://"))
            .with_disable_bulk_delete(true)
            .with_client_options(client)
            .with_retry(retry)
            .build()
            .map_err(text)?;
        Ok(Self(Arc::new(bucket)))
    }

    pub(super) fn begin(&self, path: &str) -> Upload {
        Upload { bucket: Arc::clone(&self.0), path: Path::from(path), part: Vec::new(), parts: None }
    }

    pub(super) async fn find(&self, path: &str) -> Result<(u64, Source), Failure> {
        let path = Path::from(path);
        let length = self.0.head(&path).await?.size;
        Ok((length, Source { bucket: Arc::clone(&self.0), path }))
    }

    pub(super) async fn remove(&self, path: &str) -> Result<(), Failure> {
        match self.0.delete(&Path::from(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl From<object_store::Error> for Failure {
    fn from(error: object_store::Error) -> Self {
        let text = error.to_string();
        // The names that Ceph and MinIO have for it.
        let is_full = ["507", "QuotaExceeded", "StorageFull"].iter().any(|sign| text.contains(sign));
        match error {
            object_store::Error::NotFound { .. } => Self::Missing,
            _ if is_full => Self::NoRoom,
            _ => Self::Unreachable(text),
        }
    }
}

/// Nothing is missing where something is put, but perhaps the bucket.
fn not_put(error: object_store::Error) -> Failure {
    match Failure::from(error) {
        Failure::Missing => Failure::Unreachable("there is no such bucket".to_owned()),
        failure => failure,
    }
}

pub struct Upload {
    bucket: Arc<AmazonS3>,
    path: Path,
    part: Vec<u8>,
    /// From the moment on at which there is more than one part.
    parts: Option<Box<dyn MultipartUpload>>,
}

impl Upload {
    pub(super) async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        self.part.extend_from_slice(&bytes);
        while self.part.len() >= PART {
            // All of one length, which some services insist on.
            let rest = self.part.split_off(PART);
            let part = std::mem::replace(&mut self.part, rest);
            self.send(part).await?;
        }
        Ok(())
    }

    async fn send(&mut self, part: Vec<u8>) -> Result<(), Failure> {
        let parts = match &mut self.parts {
            Some(parts) => parts,
            none => none.insert(self.bucket.put_multipart(&self.path).await.map_err(not_put)?),
        };
        parts.put_part(PutPayload::from(part)).await.map_err(not_put)
    }

    pub(super) async fn complete(mut self) -> Result<(), Failure> {
        let last = std::mem::take(&mut self.part);
        if self.parts.is_none() {
            return self.bucket.put(&self.path, PutPayload::from(last)).await.map(drop).map_err(not_put);
        }
        if !last.is_empty() {
            self.send(last).await?;
        }
        if let Some(parts) = &mut self.parts {
            parts.complete().await.map_err(not_put)?;
        }
        self.parts = None;
        Ok(())
    }
}

impl Drop for Upload {
    /// Parts that nobody will put together cost room until they are given up. If that fails, the rule of the bucket does
    /// it (see docs/operations.md).
    fn drop(&mut self) {
        let (Some(mut parts), Ok(runtime)) = (self.parts.take(), tokio::runtime::Handle::try_current()) else { return };
        runtime.spawn(async move {
            if let Err(error) = parts.abort().await {
                tracing::warn!("objects: parts of an upload stay: {error}");
            }
        });
    }
}

#[derive(Clone)]
pub(super) struct Source {
    bucket: Arc<AmazonS3>,
    path: Path,
}

impl Source {
    pub(super) async fn read(&self, range: Range<u64>) -> Result<Bytes, Failure> {
        Ok(self.bucket.get_range(&self.path, range).await?)
    }
}
