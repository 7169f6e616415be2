//! A form with a file (RFC 7578), from one of our pages: nothing of the file is read before it is known that the form is ours, and
//! never more than so much.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev, web};
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;

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
    let mut left = UPLOAD_MAX_BYTES;
    let limited = payload.map(move |chunk| {
        let chunk = chunk?;
        left = left.checked_sub(chunk.len()).ok_or(PayloadError::Overflow)?;
        Ok(chunk)
    });
    let mut parts = Multipart::new(request.headers(), limited);
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
