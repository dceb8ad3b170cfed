//! Ordering by one number. Like the standard library's maps, each instance of its sort is some
//! kilobytes of download, so there is one, over numbers and places; and a heap sorts with less code.

use std::collections::BinaryHeap;

/// The items, those with the greatest key first; of equal ones the later first.
pub(crate) fn greatest_first<T>(items: Vec<T>, key: impl Fn(&T) -> u64) -> Vec<T> {
    let places: BinaryHeap<(u64, usize)> =
        items.iter().enumerate().map(|(place, item)| (key(item), place)).collect();
    let places = places.into_sorted_vec();
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    let in_order = places.iter().rev();
    in_order.filter_map(|(_, place)| items.get_mut(*place).and_then(Option::take)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_comes_first_and_of_equals_the_later() {
        let items = vec![(1, 'a'), (3, 'b'), (1, 'c'), (2, 'd')];
        let ordered: String =
            greatest_first(items, |(key, _)| *key).into_iter().map(|(_, name)| name).collect();
        assert_eq!(ordered, "bdca");
    }
}
