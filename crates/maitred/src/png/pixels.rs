//! Draws a picture. Brings its own letters (Latin, Greek, Cyrillic), so that it looks the same on every
//! machine, and asks the machine for fonts only where a name needs others.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

const REGULAR: &[u8] = include_bytes!("../../assets/NotoSans-Regular-subset.ttf");
const BOLD: &[u8] = include_bytes!("../../assets/NotoSans-Bold-subset.ttf");

/// Pixels for each unit of the picture: sharp on the screens that are common.
const PIXELS: f32 = 2.0;

/// Draws a picture.
///
/// # Errors
/// A sentence, when it is no picture or too large for memory.
pub(crate) fn png(svg: &str) -> Result<Vec<u8>, String> {
    let options = Options {
        font_family: "Noto Sans".to_owned(),
        fontdb: Arc::new(fonts(svg)),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    let size = tree.size();
    let side = |length: f32| (length * PIXELS).ceil() as u32;
    let pixels = Pixmap::new(side(size.width()), side(size.height()));
    let mut pixels = pixels.ok_or("it has no size, or too much of it")?;
    resvg::render(&tree, Transform::from_scale(PIXELS, PIXELS), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| error.to_string())
}

fn fonts(svg: &str) -> Database {
    let mut fonts = Database::new();
    fonts.load_font_data(REGULAR.to_vec());
    fonts.load_font_data(BOLD.to_vec());
    if !svg.chars().all(is_brought) {
        fonts.load_system_fonts();
    }
    fonts
}

/// Whether our own letters have this one, or something else like it.
fn is_brought(character: char) -> bool {
    matches!(character, '\0'..='\u{45f}' | '\u{1e00}'..='\u{25ff}' | '\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(text: &str) -> Vec<u8> {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"200\" height=\"40\">\
             <rect width=\"200\" height=\"40\" fill=\"#fff\"/>\
             <text x=\"4\" y=\"25\" font-family=\"Noto Sans\">{text}</text></svg>"
        );
        let png = png(&svg).unwrap();
        Pixmap::decode_png(&png).unwrap().data().to_vec()
    }

    /// Pixels that are not paper.
    fn ink(text: &str) -> usize {
        pixels(text).chunks(4).filter(|pixel| pixel[0] < 128).count()
    }

    #[test]
    fn text_appears_without_any_font_of_the_machine() {
        assert_eq!(ink(""), 0);
        assert!(ink("native/threads") > 300, "{}", ink("native/threads"));
        // Each of these has a form of its own: none is the box that stands for a missing letter.
        let all = ["1.2×", "µs", "2.77–2.79", "·", "…", "Ωλ", "Жд", "é", "÷"];
        let drawn: std::collections::BTreeSet<Vec<u8>> =
            all.iter().map(|one| pixels(one)).collect();
        assert_eq!(drawn.len(), all.len());
        assert!(all.iter().all(|one| ink(one) > 4));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert!(png("<svg").is_err());
        assert!(
            png("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"0\" height=\"0\"/>").is_err()
        );
    }
}
