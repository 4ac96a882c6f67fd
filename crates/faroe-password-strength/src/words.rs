//! Words that a guesser would try first: those about the user and the product, and those of the calendar.

use std::collections::BTreeSet;

use faroe_core::password::PasswordContext;

/// The shortest word that is looked for in a password.
const SHORTEST: usize = 3;

/// The number of characters of each text, and the number of words, that are used. Display names can have any length.
const LONGEST_TEXT: usize = 100;
const MOST_WORDS: usize = 60;

/// Seasons, months and feasts in the languages of Europe, as far as zxcvbn does not know them. They are in fashion in
/// passwords that have to be changed regularly.
pub(crate) const CALENDAR: &[&str] = &[
    // Danish, Norwegian, Swedish, Finnish
    "sommer",
    "sommar",
    "vinter",
    "höst",
    "efterår",
    "forår",
    "vår",
    "kesä",
    "talvi",
    "syksy",
    "kevät",
    "januari",
    "februari",
    "mars",
    "maj",
    "juni",
    "juli",
    "augusti",
    "oktober",
    "desember",
    "jul",
    // Dutch, German
    "zomer",
    "herfst",
    "lente",
    "herbst",
    "frühling",
    "fruehling",
    "frühjahr",
    "januar",
    "februar",
    "märz",
    "maerz",
    "maart",
    "mei",
    "augustus",
    "dezember",
    "weihnachten",
    "ostern",
    "kerstmis",
    "kerst",
    // French
    "été",
    "hiver",
    "automne",
    "printemps",
    "janvier",
    "février",
    "fevrier",
    "avril",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
    "decembre",
    "noël",
    // Italian, Spanish, Portuguese
    "estate",
    "inverno",
    "autunno",
    "primavera",
    "verano",
    "invierno",
    "otoño",
    "otono",
    "verão",
    "verao",
    "outono",
    "gennaio",
    "febbraio",
    "marzo",
    "aprile",
    "maggio",
    "giugno",
    "luglio",
    "agosto",
    "settembre",
    "ottobre",
    "dicembre",
    "natale",
    "enero",
    "febrero",
    "abril",
    "mayo",
    "junio",
    "julio",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
    "navidad",
    "janeiro",
    "fevereiro",
    "março",
    "junho",
    "julho",
    "setembro",
    "outubro",
    "dezembro",
    "natal",
    // Czech, Polish, Turkish, Russian
    "léto",
    "zima",
    "podzim",
    "jaro",
    "lato",
    "jesień",
    "jesien",
    "wiosna",
    "styczeń",
    "luty",
    "marzec",
    "kwiecień",
    "czerwiec",
    "lipiec",
    "sierpień",
    "wrzesień",
    "październik",
    "listopad",
    "grudzień",
    "yaz",
    "kış",
    "sonbahar",
    "ilkbahar",
    "лето",
    "зима",
    "осень",
    "весна",
];

/// Returns the words about the user and the product in lower case, the longest first: the texts, and their parts.
pub(crate) fn known(context: &PasswordContext) -> Vec<String> {
    let PasswordContext {
        email_address,
        display_name,
        product_name,
        ..
    } = context;
    let (local, domain) = email_address.split_once('@').unwrap_or_default();
    let name = domain.rsplit_once('.').map_or(domain, |(name, _)| name);
    let mut words = BTreeSet::new();
    for text in [
        email_address,
        local,
        domain,
        name,
        display_name,
        product_name,
    ] {
        let text: String = text.to_lowercase().chars().take(LONGEST_TEXT).collect();
        let letters = text.split(|it: char| !it.is_alphabetic());
        let parts = text.split(|it: char| !it.is_alphanumeric()).chain(letters);
        words.extend(parts.map(str::to_owned));
        words.insert(text.split_whitespace().collect());
        words.insert(text);
    }
    words.retain(|word| word.chars().count() >= SHORTEST);
    let mut words: Vec<_> = words.into_iter().collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
    words.truncate(MOST_WORDS);
    words
}

/// Replaces each of the words in a password by one character, so that it counts for next to nothing.
pub(crate) fn without(password: &[char], words: &[String]) -> Vec<char> {
    let words: Vec<Vec<char>> = words.iter().map(|word| word.chars().collect()).collect();
    let mut rest = Vec::with_capacity(password.len());
    let mut left = password;
    while let Some((first, others)) = left.split_first() {
        match words.iter().find(|word| starts_with(left, word)) {
            Some(word) => {
                rest.push('\0');
                left = &left[word.len()..];
            }
            None => {
                rest.push(*first);
                left = others;
            }
        }
    }
    rest
}

/// Checks whether the text starts with the word, in whatever case. A letter whose lower case has several characters is
/// compared by the first.
fn starts_with(text: &[char], word: &[char]) -> bool {
    let lower = |letter: &char| letter.to_lowercase().next();
    text.len() >= word.len() && text.iter().zip(word).all(|(a, b)| lower(a) == lower(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_words(password: &str, words: &[&str]) -> String {
        let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
        let password: Vec<char> = password.chars().collect();
        without(&password, &words).into_iter().collect()
    }

    #[test]
    fn the_words_are_the_texts_and_their_parts() {
        let mut context = PasswordContext::default();
        context.email_address = "ada.lovelace1815@mail.example.com".into();
        context.display_name = "Ada King".into();
        let words = known(&context);
        for word in [
            "ada.lovelace1815@mail.example.com",
            "ada.lovelace1815",
            "lovelace1815",
            "lovelace",
            "mail.example",
            "example",
            "adaking",
            "king",
        ] {
            assert!(words.iter().any(|it| it == word), "{word}: {words:?}");
        }
        assert!(words.iter().all(|word| word.len() >= SHORTEST));
        context.display_name = "x y z, ".repeat(10_000);
        assert!(known(&context).len() <= MOST_WORDS);
    }

    #[test]
    fn words_are_found_in_whatever_case_and_the_first_is_taken() {
        assert_eq!(
            without_words("LoveLace1815!", &["lovelace", "love"]),
            "\0".to_owned() + "1815!"
        );
        assert_eq!(without_words("MÜLLER & müller", &["müller"]), "\0 & \0");
        assert_eq!(without_words("other", &["others"]), "other");
    }
}
