//! Holds the tests against the product's statements S1 to S16: a statement is done when a test
//! named after it, such as `s07_login_fills_the_storage`, has passed.

/// How many statements there are.
const STATEMENTS: usize = 16;

/// The statements that none of these tests is named after.
pub(crate) fn without_test(passed: &[String]) -> Vec<String> {
    (1..=STATEMENTS)
        .filter(|number| {
            let prefix = format!("s{number:02}_");
            !passed.iter().any(|name| has_word_that_begins_with(name, &prefix))
        })
        .map(|number| format!("S{number}"))
        .collect()
}

/// Whether the prefix stands in the name where a word begins.
fn has_word_that_begins_with(name: &str, prefix: &str) -> bool {
    name.match_indices(prefix).any(|(place, _)| {
        let before = name[..place].chars().next_back();
        before.is_none_or(|char| !char.is_alphanumeric() && char != '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_without_a_passed_test_is_named() {
        let mut passed: Vec<String> =
            (1..=16).map(|number| format!("tests::s{number:02}_works")).collect();
        assert_eq!(without_test(&passed), Vec::<String>::new());
        passed.remove(6);
        assert_eq!(without_test(&passed), ["S7"]);
        passed.push("misses07_by_a_letter".to_owned());
        passed.push("s7_too_short".to_owned());
        assert_eq!(without_test(&passed), ["S7"]);
        passed.push("s07_at_the_beginning".to_owned());
        assert_eq!(without_test(&passed), Vec::<String>::new());
    }
}
