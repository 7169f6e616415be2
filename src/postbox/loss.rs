//! After a restore from a copy: which notices authorities have receipts for that are not here any more. What has been lost since the copy was
//! made nobody here knows; the receipts do.

use super::receipt::{self, Receipt};
use super::store;
use crate::app::AppParts;
use crate::kernel::error::Error;
use crate::kernel::id::MessageId;
use crate::kernel::keys::Purpose;

/// What is wrong with one receipt.
#[derive(Debug)]
pub enum Loss {
    /// There is no such notice: it was lost, or it went with its account.
    Missing(Receipt),
    /// There is one that says something else.
    Differs(Receipt),
    /// It proves nothing here: in which line it stands, and why.
    Unproven(usize, String),
}

/// Compares receipts, one in each line, with what lies here.
pub async fn compare(app: &AppParts, receipts: &str) -> Result<Vec<Loss>, Error> {
    let keys = serde_json::from_value(app.keys.current().jwk_set_of(Purpose::Receipt)).map_err(Error::broken)?;
    let mut losses = Vec::new();
    for (line, token) in receipts.lines().enumerate().filter(|(_, token)| !token.trim().is_empty()) {
        let checked = receipt::verify(token, &keys).and_then(|receipt| {
            let id = MessageId::parse(&receipt.jti).ok_or("it names no notice")?;
            Ok((receipt, id))
        });
        let (receipt, id) = match checked {
            Ok(proven) => proven,
            Err(problem) => {
                losses.push(Loss::Unproven(line + 1, problem));
                continue;
            }
        };
        match store::find(&mut app.read().await?, &id).await? {
            None => losses.push(Loss::Missing(receipt)),
            Some(row) => {
                if row.read()?.content_sha256() != receipt.content_sha256 {
                    losses.push(Loss::Differs(receipt));
                }
            }
        }
    }
    Ok(losses)
}
