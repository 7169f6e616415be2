//! The letter as a page: DIN 5008 form B, whose address shows through the window of an envelope.

use krilla::Document;
use krilla::color::rgb;
use krilla::geom::Point;
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};

use crate::kernel::error::Error;
use crate::kernel::texts::{Language, moment};
use crate::kernel::time::Timestamp;

/// DejaVu Sans: free, and it has the letters of all names (DIN 91379).
const FONT: &[u8] = include_bytes!("../../../static/fonts/DejaVuSans.ttf");
/// Points in a millimetre.
const MM: f32 = 72.0 / 25.4;
/// Letters in a line of text; a line has 165 mm.
const LINE: usize = 78;
/// Letters in a line of the address; the window has 80 mm of text.
const ADDRESS_LINE: usize = 38;

pub struct Sender {
    /// Where letters come back to, in one line.
    pub line: String,
    pub operator: String,
}

/// What stands on a page, from its top to its end.
pub struct Sheet {
    pub language: Language,
    /// Name and address.
    pub to: Vec<String>,
    pub date: Timestamp,
    pub subject: String,
    /// Greeting, and what leads to the code.
    pub before: Vec<String>,
    /// As it is printed, in groups.
    pub code: String,
    pub after: Vec<String>,
}

/// The page, as PDF.
pub fn draw(sheet: &Sheet, sender: &Sender) -> Result<Vec<u8>, Error> {
    pages((sheet.language, &sheet.subject), std::iter::once(()), |pen, ()| {
        address(pen, sheet, sender);
        text(pen, sheet, sender);
    })
}

/// Paragraphs below a title, on as many pages as they need; at the top of each whose paper it is.
pub fn draw_text(language: Language, (head, title): (&str, &str), paragraphs: &[String]) -> Result<Vec<u8>, Error> {
    const LINES: usize = 44;
    let blank = || std::iter::once(String::new());
    let lines: Vec<String> =
        paragraphs.iter().flat_map(|text| wrapped(text, LINE).into_iter().chain(blank())).collect();
    pages((language, title), lines.chunks(LINES), |pen, lines| {
        pen.line((25.0, 30.0), 12.0, head);
        pen.line((25.0, 48.0), 16.0, title);
        for (number, line) in lines.iter().enumerate() {
            pen.line((25.0, 62.0 + 5.0 * number as f32), 10.0, line);
        }
    })
}

fn pages<T>(
    (language, title): (Language, &str),
    contents: impl Iterator<Item = T>,
    write: impl Fn(&mut Pen<'_>, T),
) -> Result<Vec<u8>, Error> {
    let font = Font::new(FONT.to_vec().into(), 0).ok_or_else(|| Error::broken("the font cannot be read"))?;
    let mut document = Document::new();
    document.set_metadata(Metadata::new().title(title.to_owned()).language(language.tag().to_owned()));
    let size = PageSettings::from_wh(210.0 * MM, 297.0 * MM).ok_or_else(|| Error::broken("no page of that size"))?;
    for content in contents {
        let mut page = document.start_page_with(size.clone());
        {
            let mut pen = Pen { surface: page.surface(), font: font.clone() };
            pen.surface.set_fill(Some(Fill { paint: rgb::Color::new(0, 0, 0).into(), ..Fill::default() }));
            write(&mut pen, content);
        }
        page.finish();
    }
    document.finish().map_err(|error| Error::broken(format!("{error:?}")))
}

struct Pen<'a> {
    surface: Surface<'a>,
    font: Font,
}

impl Pen<'_> {
    /// Writes one line; where it begins in millimetres from the upper left corner, how large in points.
    fn line(&mut self, (left, top): (f32, f32), size: f32, text: &str) {
        let (start, font) = (Point::from_xy(left * MM, top * MM), self.font.clone());
        self.surface.draw_text(start, font, size, text, false, TextDirection::LeftToRight);
    }

    /// Writes a paragraph; where the next begins.
    fn paragraph(&mut self, top: f32, text: &str) -> f32 {
        let mut top = top;
        for line in wrapped(text, LINE) {
            self.line((25.0, top), 10.0, &line);
            top += 5.0;
        }
        top + 3.0
    }
}

/// The field for the address: 45 mm from the top, 20 mm from the left, 85 mm wide. Above, where it comes from; below, six lines.
fn address(pen: &mut Pen<'_>, sheet: &Sheet, sender: &Sender) {
    let line: String = sender.line.chars().take(64).collect();
    pen.line((25.0, 60.0), 6.5, &line);
    let lines = sheet.to.iter().flat_map(|line| wrapped(line, ADDRESS_LINE)).take(6);
    for (number, line) in lines.enumerate() {
        pen.line((25.0, 67.0 + 4.6 * number as f32), 10.0, &line);
    }
    // Where to fold.
    for top in [105.0, 210.0] {
        pen.line((4.0, top), 8.0, "–");
    }
}

fn text(pen: &mut Pen<'_>, sheet: &Sheet, sender: &Sender) {
    pen.line((25.0, 30.0), 12.0, &sender.operator.chars().take(LINE).collect::<String>());
    pen.line((140.0, 67.0), 10.0, &moment::date(sheet.language, sheet.date));
    pen.line((25.0, 103.0), 12.0, &sheet.subject);
    let top = sheet.before.iter().fold(113.0, |top, words| pen.paragraph(top, words));
    pen.line((25.0, top + 6.0), 22.0, &sheet.code);
    sheet.after.iter().fold(top + 18.0, |top, words| pen.paragraph(top, words));
}

/// Breaks between words, and within one that is longer than a line.
fn wrapped(text: &str, most: usize) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_whitespace() {
        let mut rest = word;
        loop {
            let blank = usize::from(!line.is_empty());
            if line.chars().count() + blank + rest.chars().count() <= most {
                if blank == 1 {
                    line.push(' ');
                }
                line.push_str(rest);
                break;
            }
            if line.is_empty() {
                let (first, after) = rest.char_indices().nth(most).map_or((rest, ""), |(at, _)| rest.split_at(at));
                lines.push(first.to_owned());
                rest = after;
            } else {
                lines.push(std::mem::take(&mut line));
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("eins zwei  drei", 9), ["eins zwei", "drei"]);
        assert_eq!(wrapped("Donaudampfschiff", 5), ["Donau", "dampf", "schif", "f"]);
        assert!(wrapped("", 5).is_empty());
    }
}
