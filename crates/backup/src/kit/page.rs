//! The kit as a PDF file: one page to print, with the kit's text attached, so that the file itself can be read back.
//!
//! A4, with everything inside what Letter shows too. Only fonts that every reader has; what they cannot show is spelled, never
//! dropped, and a path that needs more room goes on on a further page. The same kit gives the same bytes. It is secret.

use ledger::Problem;
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::text::{HEADING, LARGEST_TEXT_BYTES};
use super::{RecoveryKit, code, qr, unreadable, words};

/// A4 in points.
const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
const LEFT: f32 = 54.0;
const RIGHT: f32 = 541.0;
/// Letter is 50 points shorter; a printer may cut them off at the top or at the bottom.
const TOP: f32 = 768.0;
const BOTTOM: f32 = 72.0;

const BODY: f32 = 9.5;
const SMALL: f32 = 8.5;
const QR_SIDE: f32 = 148.0;
/// A letter of a typewriter font is 0.6 of its size wide.
const TYPED_WIDTH: f32 = 0.6;
const PATH_SIZE: f32 = 9.0;
const PATH_LINE: f32 = 11.0;
/// Lines of the place on the first page.
const PATH_LINES: usize = 5;

const BEGINNING: &[u8] = b"%PDF-";
const ATTACHED_NAME: &str = "changeover-recovery-kit.txt";

#[derive(Clone, Copy)]
enum Font {
    Plain,
    Bold,
    Typed,
    TypedBold,
}

impl Font {
    const ALL: [Font; 4] = [Font::Plain, Font::Bold, Font::Typed, Font::TypedBold];

    fn name(self) -> Name<'static> {
        match self {
            Font::Plain => Name(b"F1"),
            Font::Bold => Name(b"F2"),
            Font::Typed => Name(b"F3"),
            Font::TypedBold => Name(b"F4"),
        }
    }

    /// One of the fonts that every PDF reader has.
    fn built_in(self) -> Name<'static> {
        match self {
            Font::Plain => Name(b"Helvetica"),
            Font::Bold => Name(b"Helvetica-Bold"),
            Font::Typed => Name(b"Courier"),
            Font::TypedBold => Name(b"Courier-Bold"),
        }
    }
}

pub fn of(kit: &RecoveryKit) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let path = kit.place.path().display().to_string();
    let lines = wrapped(&path, ((RIGHT - LEFT) / (PATH_SIZE * TYPED_WIDTH)) as usize);
    let mut pages = vec![first_page(kit, &lines)?];
    if lines.len() > PATH_LINES {
        let per_page = ((TOP - BOTTOM - 40.0) / PATH_LINE) as usize;
        pages.extend(lines.chunks(per_page).map(further_page));
    }
    Ok(file(kit, pages))
}

/// Draws from the top downwards.
struct Sheet {
    content: Content,
    y: f32,
}

impl Sheet {
    fn new() -> Sheet {
        Sheet {
            content: Content::new(),
            y: TOP,
        }
    }

    fn put(&mut self, font: Font, size: f32, x: f32, y: f32, text: &str) {
        let bytes = Zeroizing::new(encoded(text));
        self.content
            .begin_text()
            .set_font(font.name(), size)
            .next_line(x, y)
            .show(Str(&bytes))
            .end_text();
    }

    fn line(&mut self, font: Font, size: f32, text: &str) {
        self.put(font, size, LEFT, self.y, text);
        self.y -= size * 1.32;
    }

    fn heading(&mut self, text: &str) {
        self.y -= 8.0;
        self.line(Font::Bold, 11.0, text);
        self.y -= 1.0;
    }

    fn rule(&mut self) {
        self.content
            .set_fill_gray(0.7)
            .rect(LEFT, self.y + 6.0, RIGHT - LEFT, 0.6)
            .fill_nonzero()
            .set_fill_gray(0.0);
        self.y -= 6.0;
    }
}

fn first_page(kit: &RecoveryKit, path: &[String]) -> Result<Content, Problem> {
    let mut sheet = Sheet::new();
    sheet.line(Font::Bold, 20.0, "Recovery kit");
    let made = kit.made.map(|day| format!(" \u{2013} made on {day}")).unwrap_or_default();
    sheet.line(Font::Plain, 11.0, &format!("for encrypted backups made by Changeover{made}"));
    sheet.y -= 4.0;
    sheet.rule();
    sheet.line(
        Font::Bold,
        BODY,
        "Keep this page away from the computer. Whoever has it and the backups can read your books.",
    );
    sheet.line(
        Font::Plain,
        BODY,
        "Without it, and without that computer, nobody can open the backups: not you, not us.",
    );
    place(&mut sheet, path);
    code_and_squares(&mut sheet, kit)?;
    words_of(&mut sheet, kit)?;
    sheet.heading("Repository key");
    sheet.line(
        Font::Plain,
        SMALL,
        "Opens the backups even if the place has lost its own key files. With a QR reader you need not type it.",
    );
    let key = kit.key.expose();
    for half in [&key[..key.len() / 2], &key[key.len() / 2..]] {
        sheet.line(Font::Typed, SMALL, half);
    }
    sheet.line(Font::Typed, SMALL, &format!("Check: {}", kit.fingerprint()));
    sheet.heading("To restore with Changeover");
    for line in [
        "1. Install Changeover on any computer and choose \"Restore on this computer\".",
        "2. Choose the folder with the backups, then this page's file, or type the code or the words.",
        "3. Everything is restored into a new folder, opened and added up. Nothing that is already there is overwritten.",
    ] {
        sheet.line(Font::Plain, BODY, line);
    }
    sheet.heading("To restore without Changeover");
    for line in [
        "1. Install restic, a free program: https://restic.net",
        "2. Write the recovery code (eight groups with dashes, capital letters, no check letters) into a file code.txt",
        "3. In a terminal, with the folder of the backups as it is called on that computer instead of PLACE:",
    ] {
        sheet.line(Font::Plain, BODY, line);
    }
    sheet.line(
        Font::TypedBold,
        BODY,
        "   restic -r PLACE --password-file code.txt restore latest --target restored",
    );
    sheet.line(
        Font::Plain,
        BODY,
        "Use restic only to look and to restore; never run its prune or forget on these backups.",
    );
    Ok(sheet.content)
}

fn place(sheet: &mut Sheet, path: &[String]) {
    sheet.heading("Place of the backups");
    for line in path.iter().take(PATH_LINES) {
        sheet.put(Font::Typed, PATH_SIZE, LEFT, sheet.y, line);
        sheet.y -= PATH_LINE;
    }
    if path.len() > PATH_LINES {
        sheet.line(Font::Plain, SMALL, "The whole path stands on the next page.");
    }
    if path.iter().any(|line| line.contains("{U+")) {
        sheet.line(
            Font::Plain,
            SMALL,
            "{U+…} is a character that this page cannot show, by its Unicode number.",
        );
    }
    sheet.line(
        Font::Plain,
        SMALL,
        "On another computer the same disk may be called otherwise: choose the folder that holds the file \"config\".",
    );
}

fn code_and_squares(sheet: &mut Sheet, kit: &RecoveryKit) -> Result<(), Problem> {
    sheet.heading("Recovery code");
    let squares = qr::squares(kit)?;
    let (top, field) = (sheet.y + 10.0, QR_SIDE / squares.side as f32);
    for (at, _) in squares.dark.iter().enumerate().filter(|(_, dark)| **dark) {
        let (column, row) = ((at % squares.side) as f32, (at / squares.side) as f32);
        sheet
            .content
            .rect(RIGHT - QR_SIDE + column * field, top - (row + 1.0) * field, field, field);
    }
    sheet.content.fill_nonzero();
    let code = kit.code.expose_secret();
    sheet.line(
        Font::Plain,
        SMALL,
        "It opens the place, in Changeover and in restic. I, L, O and U do not occur in it.",
    );
    sheet.y -= 14.0;
    for (at, group) in code.split('-').enumerate() {
        let x = LEFT + (at % 4) as f32 * 80.0;
        sheet.put(Font::Plain, 7.0, x, sheet.y + 14.0, &(at + 1).to_string());
        let dash = if at + 1 < code::GROUPS { "-" } else { "" };
        sheet.put(Font::TypedBold, 15.0, x, sheet.y, &format!("{group}{dash}"));
        if at % 4 == 3 {
            sheet.y -= 32.0;
        }
    }
    sheet.y += 10.0;
    let letters = code::check_of(code);
    sheet.line(
        Font::Plain,
        SMALL,
        "Check letters (not a part of the code; typed after it, they name a slip of yours):",
    );
    sheet.y -= 3.0;
    sheet.line(Font::TypedBold, 11.0, &letters);
    sheet.y -= 2.0;
    for line in [
        "The square holds this whole kit for a QR reader. Do not",
        "photograph it with a telephone that puts pictures online.",
    ] {
        sheet.line(Font::Plain, SMALL, line);
    }
    sheet.y = sheet.y.min(top - QR_SIDE - 10.0);
    Ok(())
}

fn words_of(sheet: &mut Sheet, kit: &RecoveryKit) -> Result<(), Problem> {
    sheet.heading("The same code as words");
    sheet.line(
        Font::Plain,
        SMALL,
        "In this order, from top to bottom; the first four letters of each word are enough.",
    );
    sheet.y -= 2.0;
    let words = kit.to_words()?;
    let rows = words::WORDS / 3;
    for (at, word) in words::listed(&words).enumerate() {
        let (column, row) = ((at / rows) as f32, (at % rows) as f32);
        sheet.put(
            Font::Typed,
            10.0,
            LEFT + column * 160.0,
            sheet.y - row * 12.5,
            &format!("{:>2}  {word}", at + 1),
        );
    }
    sheet.y -= rows as f32 * 12.5 - 2.0;
    Ok(())
}

fn further_page(lines: &[String]) -> Content {
    let mut sheet = Sheet::new();
    sheet.line(
        Font::Bold,
        11.0,
        "Recovery kit: the place of the backups, whole, without the line breaks",
    );
    sheet.y -= 12.0;
    for line in lines {
        sheet.put(Font::Typed, PATH_SIZE, LEFT, sheet.y, line);
        sheet.y -= PATH_LINE;
    }
    sheet.content
}

/// Objects are numbered: the catalogue, the pages, the attached text and what names it, the fonts, then two for each page.
fn file(kit: &RecoveryKit, pages: Vec<Content>) -> Zeroizing<Vec<u8>> {
    let (catalogue, tree, attached, named, about) = (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4), Ref::new(5));
    let font = |at: usize| Ref::new(6 + at as i32);
    let page_at = |at: usize| Ref::new(10 + 2 * at as i32);
    let content_at = |at: usize| Ref::new(11 + 2 * at as i32);
    let mut pdf = Pdf::new();
    let mut root = pdf.catalog(catalogue);
    root.pages(tree);
    root.names().embedded_files().names().insert(Str(ATTACHED_NAME.as_bytes()), named);
    root.finish();
    pdf.pages(tree).kids((0..pages.len()).map(page_at)).count(pages.len() as i32);
    for (at, kind) in Font::ALL.into_iter().enumerate() {
        pdf.type1_font(font(at))
            .base_font(kind.built_in())
            .encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    for (at, content) in pages.into_iter().enumerate() {
        let mut page = pdf.page(page_at(at));
        page.media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT))
            .parent(tree)
            .contents(content_at(at));
        let mut resources = page.resources();
        let mut fonts = resources.fonts();
        for (at, kind) in Font::ALL.into_iter().enumerate() {
            fonts.pair(kind.name(), font(at));
        }
        fonts.finish();
        resources.finish();
        page.finish();
        pdf.stream(content_at(at), &content.finish());
    }
    let text = kit.to_text();
    pdf.embedded_file(attached, text.expose_secret().as_bytes())
        .subtype(Name(b"text/plain"));
    pdf.file_spec(named)
        .path(Str(ATTACHED_NAME.as_bytes()))
        .unic_file(TextStr(ATTACHED_NAME))
        .embedded_file(attached);
    let mut info = pdf.document_info(about);
    info.title(TextStr("Recovery kit")).creator(TextStr("Changeover"));
    if let Some(day) = kit.made {
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        let year = u16::try_from(day.year()).unwrap_or(0);
        info.creation_date(pdf_writer::Date::new(year).month(part(day.month())).day(part(day.day())));
    }
    info.finish();
    Zeroizing::new(pdf.finish())
}

pub fn is_pdf(bytes: &[u8]) -> bool {
    bytes.starts_with(BEGINNING)
}

/// The text that is attached to a page made here. Errors: `E-BACKUP-KIT` for a file that another program made or saved again.
pub fn text_in(bytes: &[u8]) -> Result<&str, Problem> {
    let lost = || {
        unreadable(
            "This PDF file does not hold the text that Changeover attached to it; another program saved it again, or it is another file.",
        )
        .because("The printed page is as good as before: type the recovery code or the words instead.")
    };
    let find = |in_: &[u8], what: &[u8]| in_.windows(what.len()).position(|window| window == what);
    let start = find(bytes, HEADING.as_bytes()).ok_or_else(lost)?;
    let rest = &bytes[start..];
    let end = find(rest, b"\nendstream")
        .filter(|end| *end <= LARGEST_TEXT_BYTES)
        .ok_or_else(lost)?;
    std::str::from_utf8(&rest[..end]).map_err(|_| lost())
}

/// The path in lines of so many letters, each as the fonts can show it.
fn wrapped(path: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    let mut rest = path;
    while let Some(c) = rest.chars().next() {
        // Blanks at the end of a line would be invisible, and a brace could be taken for the beginning of a spelled character.
        let ends = rest.len() == c.len_utf8();
        let spelled = byte_of(c).is_none()
            || rest.starts_with("{U+")
            || (c == ' ' && (ends || rest.starts_with("  ")))
            || (c.is_whitespace() && c != ' ');
        let shown = if spelled {
            format!("{{U+{:04X}}}", u32::from(c))
        } else {
            c.to_string()
        };
        let letters = shown.chars().count();
        if used + letters > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(&shown);
        }
        used += letters;
        rest = &rest[c.len_utf8()..];
    }
    lines
}

/// A text in the fonts' encoding; a character outside it is spelled.
fn encoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte_of(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(format!("{{U+{:04X}}}", u32::from(c)).bytes()),
        }
    }
    bytes
}

/// A character in Windows' Western encoding, which is what the built-in fonts show.
fn byte_of(c: char) -> Option<u8> {
    match c {
        ' '..='~' => Some(c as u8),
        // A soft hyphen and a blank that does not break look like something else.
        '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{ff}' => Some(c as u8),
        '\u{20ac}' => Some(0x80),
        '\u{2013}' => Some(0x96),
        '\u{2014}' => Some(0x97),
        '\u{2026}' => Some(0x85),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{kit, sample};
    use super::*;
    use proptest::prelude::*;

    /// What a person makes of the printed path.
    fn unspelled(lines: &[String]) -> String {
        let text = lines.concat();
        let (mut read, mut rest) = (String::new(), text.as_str());
        while let Some(at) = rest.find("{U+") {
            read.push_str(&rest[..at]);
            let end = at + rest[at..].find('}').expect("closed");
            let number = u32::from_str_radix(&rest[at + 3..end], 16).expect("a number");
            read.push(char::from_u32(number).expect("a character"));
            rest = &rest[end + 1..];
        }
        read + rest
    }

    proptest! {
        #[test]
        fn a_printed_path_is_read_back_from_paper_and_no_line_is_too_long(path in "[ -~äéß–{}U+\u{a0}\u{ad}中\u{202e}🙂]{0,300}", braces in "(\\{U\\+|[ {]){0,20}") {
            let path = format!("/{path}{braces}");
            let lines = wrapped(&path, 40);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= 40));
            prop_assert!(lines.iter().flat_map(|line| line.chars()).all(|c| byte_of(c).is_some()));
            prop_assert_eq!(unspelled(&lines), path);
        }
    }

    fn text_of(pdf: &[u8]) -> String {
        String::from_utf8_lossy(pdf).into_owned()
    }

    /// The squares as they are painted: rectangles of the content, in points.
    fn painted(pdf: &str) -> Vec<(f32, f32, f32, f32)> {
        pdf.lines()
            .filter_map(|line| line.strip_suffix(" re"))
            .map(|line| {
                line.split(' ')
                    .map(|number| number.parse().expect("a number"))
                    .collect::<Vec<f32>>()
            })
            .map(|part| (part[0], part[1], part[2], part[3]))
            .collect()
    }

    #[test]
    fn a_camera_reads_the_square_as_it_is_painted_on_the_page() {
        let kit = sample();
        let pdf = text_of(&kit.to_pdf().expect("page"));
        let fields: Vec<_> = painted(&pdf).into_iter().filter(|field| field.2 < 10.0).collect();
        assert!(fields.len() > 500, "{}", fields.len());
        // Half a millimetre or more for each field.
        assert!(
            fields.iter().all(|field| field.2 > 1.45 && (field.2 - field.3).abs() < 0.01),
            "{:?}",
            fields[0]
        );
        // Five times as many points as the page has, from the top.
        let (wide, high) = ((WIDTH * 5.0) as usize, (HEIGHT * 5.0) as usize);
        let mut points = vec![255u8; wide * high];
        for (x, y, w, h) in fields {
            for row in ((HEIGHT - y - h) * 5.0).round() as usize..((HEIGHT - y) * 5.0).round() as usize {
                for column in (x * 5.0).round() as usize..((x + w) * 5.0).round() as usize {
                    points[row * wide + column] = 0;
                }
            }
        }
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(wide, high, |x, y| points[y * wide + x]);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1, "one square");
        let (_, read) = grids[0].decode().expect("it is read");
        assert_eq!(read, kit.to_qr_text().expect("text").expose_secret());
    }

    #[test]
    fn the_same_kit_is_the_same_page_and_everything_stays_where_both_papers_show_it() {
        for place in [
            "/media/usb disk/backups".to_string(),
            format!("/{}", "é中\u{202e}".repeat(400)),
            format!("/{}", "x".repeat(4000)),
        ] {
            let kit = kit(&[3; 25], &place);
            let pdf = kit.to_pdf().expect("page");
            assert_eq!(*pdf, *kit.to_pdf().expect("page"), "the same bytes");
            let text = text_of(&pdf);
            let pages = text.matches("/Type /Page\n").count();
            assert_eq!(
                pages,
                if place.len() < 100 {
                    1
                } else if place.contains('x') {
                    2
                } else {
                    3
                },
                "{}",
                place.len()
            );
            for line in text.lines().filter_map(|line| line.strip_suffix(" Td")) {
                let at: Vec<f32> = line.split(' ').map(|number| number.parse().expect("a number")).collect();
                assert!((LEFT..RIGHT).contains(&at[0]) && (BOTTOM..=TOP).contains(&at[1]), "{line}");
            }
            for (x, y, w, h) in painted(&text) {
                assert!(x >= LEFT && x + w <= RIGHT + 0.1 && y >= BOTTOM && y + h <= TOP + 10.0);
            }
        }
    }

    #[test]
    fn a_page_that_another_program_saved_again_says_so_and_is_not_guessed_at() {
        let pdf = sample().to_pdf().expect("page");
        assert!(is_pdf(&pdf) && text_in(&pdf).expect("attached").contains("Recovery code: "));
        for cut in [BEGINNING.len(), pdf.len() / 4] {
            let problem = text_in(&pdf[..cut]).expect_err("cut");
            assert!(problem.to_string().contains("type the recovery code"), "{problem}");
        }
    }
}
