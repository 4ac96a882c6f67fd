//! Names that were meant.

/// The least similarity of a name that is suggested, from 0 to 1.
const SIMILAR: f64 = 0.75;

/// Returns `; did you mean …?` with the known name that is most like this one, or nothing if none is.
pub(super) fn suggest<N: AsRef<str>>(name: &str, known: impl IntoIterator<Item = N>) -> String {
    let rated = known.into_iter().map(|known| {
        let similarity = strsim::normalized_damerau_levenshtein(name, known.as_ref());
        (similarity, known)
    });
    let best = rated.max_by(|(a, _), (b, _)| a.total_cmp(b));
    match best {
        Some((similarity, known)) if similarity >= SIMILAR => {
            format!("; did you mean {}?", known.as_ref())
        }
        _ => String::new(),
    }
}
