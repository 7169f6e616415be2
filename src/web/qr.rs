//! A text as a picture that a phone reads (ISO/IEC 18004), as SVG inside the page: nothing is loaded, and no script runs.

use fast_qr::{ECL, QRBuilder};

use crate::kernel::error::Error;

/// Light modules around the picture, as the standard wants.
const QUIET: usize = 4;

pub struct Qr {
    /// Modules from edge to edge, with the light ones around.
    pub size: usize,
    /// The dark modules, row by row, as the path of one SVG element.
    pub path: String,
}

impl Qr {
    pub fn of(text: &str) -> Result<Self, Error> {
        use std::fmt::Write as _;
        let code = QRBuilder::new(text).ecl(ECL::M).build().map_err(|error| Error::broken(format!("{error:?}")))?;
        let (mut path, is_dark) = (String::new(), |x: usize, y: usize| x < code.size && code[y][x].value());
        for y in 0..code.size {
            let mut x = 0;
            while x < code.size {
                let length = (x..).take_while(|x| is_dark(*x, y)).count();
                if length > 0 {
                    write!(path, "M{} {}h{length}v1h-{length}z", x + QUIET, y + QUIET).map_err(Error::broken)?;
                }
                x += length.max(1);
            }
        }
        Ok(Self { size: code.size + 2 * QUIET, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_three_corners_and_room_around() {
        let qr = Qr::of("otpauth://totp/Nutzerkonto?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        assert!(qr.path.starts_with("M4 4h7v1h-7z"), "{}", qr.path);
        let right = qr.size - QUIET - 7;
        for corner in [format!("M{right} 4h7"), format!("M4 {right}h7")] {
            assert!(qr.path.contains(&corner), "{corner} {}", qr.path);
        }
        assert!(Qr::of(&"x".repeat(5000)).is_err());
    }
}
