//! A version of a document, to be kept on a device. It is compared as a whole before the first byte leaves.

use actix_web::HttpRequest;

use super::{Answer, At, document_of, version_of};
use crate::safe::open;
use crate::web::file::download;

pub async fn show(at: At, request: HttpRequest) -> Answer {
    let (id, number) = (document_of(&request)?, version_of(&request)?);
    let file = open::open(&at.caller.visitor.app, &at.keeper, (&id, number), at.request()).await?;
    Ok(download(&file.name, file.kind, file.bytes))
}
