//! Forms with files (RFC 7578), from our pages: nothing of a file is read before it is known that the form is ours, and never more than so
//! much. A small file is read as a whole; several long ones are taken one after the other, while they come.

use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev, web};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::Fuse;
use futures_util::{Stream, StreamExt as _};

use super::form::{BODY_MAX_BYTES, FIELDS_MAX, Form, check_origin, check_token, refuse};

/// No file is longer.
pub const FILE_MAX_BYTES: usize = 256 * 1024;
/// Everything together: a file that is a little too long is still told so at its field.
const UPLOAD_MAX_BYTES: usize = 2 * FILE_MAX_BYTES;
/// What the field of the file is called.
const FILE: &str = "datei";

/// The file of a form.
pub enum File {
    /// Nobody has chosen one.
    None,
    Read(web::Bytes),
    TooLong,
}

/// A form of one of our pages, with a file or without.
pub struct Upload {
    pub form: Form,
    pub file: File,
}

impl FromRequest for Upload {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        if !request.content_type().eq_ignore_ascii_case("multipart/form-data") {
            let form = Form::from_request(request, payload);
            return Box::pin(async move { Ok(Self { form: form.await?, file: File::None }) });
        }
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            check_origin(&request)?;
            read(&request, payload).await
        })
    }
}

async fn read(request: &HttpRequest, payload: dev::Payload) -> Result<Upload, actix_web::Error> {
    let mut parts = Multipart::new(request.headers(), limited(payload, UPLOAD_MAX_BYTES as u64));
    let mut upload = Upload { form: Form::empty(), file: File::None };
    let mut is_believed = false;
    for count in 0.. {
        let Some(part) = parts.next().await else { break };
        let mut part = part.map_err(refused)?;
        if count == FIELDS_MAX {
            return Err(refuse(StatusCode::BAD_REQUEST));
        }
        let name = part.name().unwrap_or_default().to_owned();
        if part.content_disposition().is_none_or(|header| header.get_filename().is_none()) {
            let text = read_text(&mut part).await?;
            upload.form.push(name, text);
            continue;
        }
        // The value against forgery comes before the file, or there is no file for us.
        if !is_believed {
            check_token(request, &upload.form)?;
            is_believed = true;
        }
        if name != FILE || !matches!(upload.file, File::None) {
            return Err(refuse(StatusCode::BAD_REQUEST));
        }
        upload.file = match part.bytes(FILE_MAX_BYTES).await {
            Err(_) => File::TooLong,
            Ok(Err(error)) => return Err(refused(error)),
            // That is how a browser says that none was chosen.
            Ok(Ok(bytes)) if bytes.is_empty() => File::None,
            Ok(Ok(bytes)) => File::Read(bytes),
        };
    }
    check_token(request, &upload.form)?;
    Ok(upload)
}

/// Everything of a form with several files.
pub const FILES_MAX_BYTES: u64 = 512 * 1024 * 1024;
/// So long the next part of a form may take to begin, and a short text to come.
const PART_TIMEOUT: Duration = Duration::from_secs(30);

/// A form of one of our pages, with several files, each of which is there while it comes. Fields come before files.
pub struct Files {
    request: HttpRequest,
    parts: Option<Multipart>,
    count: usize,
    is_believed: bool,
    pub form: Form,
}

/// A file of such a form.
pub struct Part {
    /// What its sender calls it.
    pub name: String,
    /// Its bytes; once they have ended nobody asks for more.
    pub pieces: Fuse<Field>,
}

impl Part {
    /// Lets the rest of it come, so that the next one can: a browser reads no answer before it has sent everything.
    pub async fn pass_over(mut self) {
        while let Ok(Some(Ok(_))) = tokio::time::timeout(PART_TIMEOUT, self.pieces.next()).await {}
    }
}

impl FromRequest for Files {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        if !request.content_type().eq_ignore_ascii_case("multipart/form-data") {
            let (form, request) = (Form::from_request(request, payload), request.clone());
            return Box::pin(async move {
                Ok(Self { request, parts: None, count: 0, is_believed: true, form: form.await? })
            });
        }
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            check_origin(&request)?;
            let said = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
            if said.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > FILES_MAX_BYTES) {
                return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE));
            }
            let parts = Some(Multipart::new(request.headers(), limited(payload, FILES_MAX_BYTES)));
            Ok(Self { request, parts, count: 0, is_believed: false, form: Form::empty() })
        })
    }
}

impl Files {
    /// The next file, once the form is known to be ours. A control in which nobody has chosen anything is none.
    pub async fn next_file(&mut self) -> Result<Option<Part>, actix_web::Error> {
        while let Some(parts) = &mut self.parts {
            let next = tokio::time::timeout(PART_TIMEOUT, parts.next()).await;
            let Some(part) = next.map_err(|_| refuse(StatusCode::REQUEST_TIMEOUT))? else { break };
            let mut part = part.map_err(refused)?;
            self.count += 1;
            if self.count > FIELDS_MAX {
                return Err(refuse(StatusCode::BAD_REQUEST));
            }
            let file_name = part.content_disposition().and_then(|header| header.get_filename()).map(str::to_owned);
            let Some(name) = file_name else {
                let name = part.name().unwrap_or_default().to_owned();
                let text = tokio::time::timeout(PART_TIMEOUT, read_text(&mut part)).await;
                self.form.push(name, text.map_err(|_| refuse(StatusCode::REQUEST_TIMEOUT))??);
                continue;
            };
            self.believe()?;
            if !name.is_empty() {
                return Ok(Some(Part { name, pieces: part.fuse() }));
            }
        }
        self.believe()?;
        Ok(None)
    }

    /// The value against forgery comes before the first file, or there is no file for us.
    fn believe(&mut self) -> Result<(), actix_web::Error> {
        if !self.is_believed {
            check_token(&self.request, &self.form)?;
            self.is_believed = true;
        }
        Ok(())
    }
}

/// No more than so many bytes of what comes.
fn limited(payload: dev::Payload, most: u64) -> impl Stream<Item = Result<web::Bytes, PayloadError>> {
    let mut left = most;
    payload.map(move |chunk| {
        let chunk = chunk?;
        left = left.checked_sub(chunk.len() as u64).ok_or(PayloadError::Overflow)?;
        Ok(chunk)
    })
}

async fn read_text(part: &mut Field) -> Result<String, actix_web::Error> {
    let bytes = part.bytes(BODY_MAX_BYTES).await.map_err(|_| refuse(StatusCode::PAYLOAD_TOO_LARGE))?;
    let bytes = bytes.map_err(refused)?;
    let text = String::from_utf8(bytes.into()).ok().filter(|text| !text.contains('\0'));
    text.ok_or_else(|| refuse(StatusCode::BAD_REQUEST))
}

fn refused(error: MultipartError) -> actix_web::Error {
    refuse(match error {
        MultipartError::Payload(PayloadError::Overflow) => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    })
}
