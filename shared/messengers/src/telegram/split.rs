//! Long texts, cut into messages.

/// The longest text of one message, in UTF-16 code units. Telegram says "1-4096 characters after entities parsing" and counts
/// entities in UTF-16 units: counted so, a text is never too long whichever it means. We send no entities, so what is
/// typed is what is counted.
pub const TEXT_UTF16_MAX: usize = 4096;

/// The smallest limit that works: a character takes up to two units.
const LIMIT_UTF16_MIN: usize = 2;

/// A part shorter than the limit divided by this is not worth a better place to cut: a greeting does not go alone because a
/// long paragraph follows it.
const FILL_DIVISOR: usize = 4;

/// How far back a cut inside of a word looks for the beginning of what a reader sees as one character.
const CLUSTER_CHARS_MAX: usize = 32;

/// Places to cut, the better ones greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Word,
    Sentence,
    Line,
    Paragraph,
}

/// Cuts a text into parts of at most `limit_utf16` UTF-16 code units each ([`TEXT_UTF16_MAX`] for Telegram; at least 2).
///
/// A text that fits is one part, as it is; a blank one is none, since Telegram refuses blank messages. Otherwise it is cut
/// after a paragraph, a line, a sentence or a word: the first of these, in this order, that leaves the part at least a
/// quarter full, or else at the last white space there is. Only a word that is too long by itself is cut inside, and then
/// not inside of a character: neither between surrogates nor, as far as it can be helped, between a letter and its accent
/// or the pieces of an emoji. Nothing is lost but the white space at the cuts and at both ends.
pub fn split_text(text: &str, limit_utf16: usize) -> Vec<String> {
    let limit = limit_utf16.max(LIMIT_UTF16_MIN);
    if prefix_len(text, limit) == text.len() {
        return if text.trim().is_empty() { Vec::new() } else { vec![text.to_owned()] };
    }
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let fits = prefix_len(rest, limit);
        let cut = if fits == rest.len() { fits } else { cut_at(rest, fits) };
        parts.push(rest[..cut].trim_end().to_owned());
        rest = rest[cut..].trim_start();
    }
    parts
}

/// How many bytes of the text fit into so many UTF-16 units.
fn prefix_len(text: &str, limit_utf16: usize) -> usize {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > limit_utf16 {
            return at;
        }
    }
    text.len()
}

/// Where to cut a text that begins with no white space, and of which `fits` bytes fit: greater than 0, at most `fits`.
fn cut_at(text: &str, fits: usize) -> usize {
    let enough = fits / FILL_DIVISOR;
    let places = places(text, fits);
    [Place::Paragraph, Place::Line, Place::Sentence, Place::Word]
        .into_iter()
        .find_map(|wanted| places.iter().rev().find(|(at, place)| *place >= wanted && *at >= enough))
        .or_else(|| places.last())
        .map_or_else(|| inside_a_word(text, fits), |(at, _)| *at)
}

/// The places to cut at up to byte `fits`: the beginnings of white space, and the ends of sentences in scripts that put
/// none between them.
fn places(text: &str, fits: usize) -> Vec<(usize, Place)> {
    let mut places = Vec::new();
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices().take_while(|(at, _)| *at <= fits) {
        let place = match before {
            Some(before) if c.is_whitespace() && !before.is_whitespace() => Some(place_of_space(text, at)),
            Some('。' | '！' | '？') if !c.is_whitespace() && !closes(c) && !ends_sentence(c) => {
                Some(Place::Sentence)
            }
            _ => None,
        };
        places.extend(place.map(|place| (at, place)));
        before = Some(c);
    }
    places
}

/// What the white space that begins at `at` stands between.
fn place_of_space(text: &str, at: usize) -> Place {
    match text[at..].chars().take_while(|c| c.is_whitespace()).filter(|c| *c == '\n').take(2).count() {
        2 => Place::Paragraph,
        1 => Place::Line,
        _ if text[..at].trim_end_matches(closes).ends_with(ends_sentence) => Place::Sentence,
        _ => Place::Word,
    }
}

fn ends_sentence(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？')
}

/// Whether it may follow the end of a sentence and still belong to it.
fn closes(c: char) -> bool {
    matches!(c, '"' | '\'' | ')' | ']' | '»' | '”' | '’' | '」' | '』' | '）')
}

/// The last beginning of a visible character at or before byte `fits`; if there is none nearby, `fits` itself.
fn inside_a_word(text: &str, fits: usize) -> usize {
    let before = text[..fits].char_indices().rev().map(|(at, _)| at);
    std::iter::once(fits)
        .chain(before)
        .take(CLUSTER_CHARS_MAX)
        .find(|at| *at > 0 && begins_cluster(text, *at))
        .unwrap_or(fits)
}

/// Whether what a reader sees as one character begins at `at` (Unicode UAX #29, as far as accents and emoji go).
fn begins_cluster(text: &str, at: usize) -> bool {
    const JOINER: char = '\u{200D}';
    let flag_half = |c: &char| ('\u{1F1E6}'..='\u{1F1FF}').contains(c);
    let Some(c) = text[at..].chars().next() else { return true };
    if c == JOINER || extends(c) || text[..at].ends_with(JOINER) {
        return false;
    }
    // Flags are pairs: one begins after an even number of halves.
    !flag_half(&c) || text[..at].chars().rev().take_while(flag_half).count() % 2 == 0
}

/// Marks that change the character before them: accents, variation selectors, skin tones, tags.
fn extends(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5BD}' | '\u{610}'..='\u{61A}'
        | '\u{64B}'..='\u{65F}' | '\u{93A}'..='\u{94D}' | '\u{E31}' | '\u{E34}'..='\u{E3A}' | '\u{E47}'..='\u{E4E}'
        | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FE20}'..='\u{FE2F}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0020}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, limit: usize, parts: &[&str]) {
        assert_eq!(split_text(text, limit), parts, "{text:?} at {limit}");
    }

    #[test]
    fn a_text_that_fits_stays_as_it_is() {
        check(" hello \n", 8, &[" hello \n"]);
        check("", 8, &[]);
        check(" \n\t ", 8, &[]);
        check(" \n\t ", 2, &[]);
    }

    #[test]
    fn the_best_place_wins() {
        check("One two. Three\nfour\n\nfive six", 24, &["One two. Three\nfour", "five six"]);
        check("One two. Three\nfour five six", 24, &["One two. Three", "four five six"]);
        check("One two. Three four five six", 24, &["One two.", "Three four five six"]);
        check("One two three four five six", 24, &["One two three four five", "six"]);
        check("He said \"yes.\" Then he went away", 24, &["He said \"yes.\"", "Then he went away"]);
        check("一二三。四五六七八九", 8, &["一二三。", "四五六七八九"]);
        check("Version 3.14 of it", 12, &["Version 3.14", "of it"]);
        check("line\r\n\r\nparagraph", 12, &["line", "paragraph"]);
    }

    #[test]
    fn a_greeting_does_not_go_alone() {
        check("Hi!\n\nThis is one long line", 21, &["Hi!\n\nThis is one long", "line"]);
        check("Hi\n\nThisistoolongtofitanywhere", 12, &["Hi", "Thisistoolon", "gtofitanywhe", "re"]);
    }

    #[test]
    fn white_space_is_lost_only_at_cuts_and_ends() {
        check("  aaa   bbb  ccc  ", 10, &["aaa   bbb", "ccc"]);
        check(&format!("{}a", " ".repeat(50)), 10, &["a"]);
        check(&format!("a{}b", " ".repeat(50)), 10, &["a", "b"]);
    }

    #[test]
    fn characters_stay_whole() {
        check("😀😀😀", 3, &["😀", "😀", "😀"]);
        check("😀😀", 0, &["😀", "😀"]);
        check("aaae\u{301}b", 4, &["aaa", "e\u{301}b"]);
        check("aa👩‍💻b", 4, &["aa", "👩‍", "💻b"]);
        check("aaaa👩‍💻b", 8, &["aaaa", "👩‍💻b"]);
        check("👍🏽👍🏽", 6, &["👍🏽", "👍🏽"]);
        check("🇩🇪🇫🇷🇮🇹", 6, &["🇩🇪", "🇫🇷", "🇮🇹"]);
    }

    #[test]
    fn marks_without_end_are_cut_somewhere() {
        let text = format!("e{}", "\u{301}".repeat(5000));
        let parts = split_text(&text, TEXT_UTF16_MAX);
        assert_eq!((parts.len(), parts.concat()), (2, text));
    }

    #[test]
    fn the_limit_is_telegrams() {
        let text = "a".repeat(TEXT_UTF16_MAX);
        check(&text, TEXT_UTF16_MAX, &[&text]);
        check(&format!("{text}b"), TEXT_UTF16_MAX, &[&text, "b"]);
        let emoji = "😀".repeat(TEXT_UTF16_MAX / 2);
        check(&format!("{emoji}b"), TEXT_UTF16_MAX, &[&emoji, "b"]);
    }

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof!["\\PC{0,80}", "([a-zä😀👩‍🇩🇪.!?。\"]{0,9}[ \n\u{a0}\u{301}]{0,3}){0,40}", any::<String>()]
    }

    proptest! {
        #[test]
        fn nothing_is_lost_but_white_space_at_the_cuts(text in texts(), limit in 0_usize..60) {
            let parts = split_text(&text, limit);
            let mut rest = text.as_str();
            for part in &parts {
                prop_assert!(!part.trim().is_empty());
                prop_assert!(part.encode_utf16().count() <= limit.max(LIMIT_UTF16_MIN));
                let after = rest.strip_prefix(part.as_str()).or_else(|| rest.trim_start().strip_prefix(part.as_str()));
                prop_assert!(after.is_some(), "{part:?} does not continue {rest:?}");
                rest = after.unwrap();
            }
            prop_assert!(rest.trim().is_empty(), "{rest:?} is lost");
        }

        #[test]
        fn a_part_splits_no_further(text in texts(), limit in 2_usize..60) {
            for part in split_text(&text, limit) {
                prop_assert_eq!(split_text(&part, limit), vec![part.clone()]);
            }
        }
    }
}
