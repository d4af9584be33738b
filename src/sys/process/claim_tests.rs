//! Tests of `claim`, which every system supplies.

use crate::sys::claim;

#[test]
fn no_number_is_claimed_twice() {
    // Beyond those that handles use.
    let numbers = || 300..=303;
    let claimed: Vec<_> = (0..5).map(|_| claim(numbers())).collect();
    assert_eq!(claimed, [Some(300), Some(301), Some(302), Some(303), None]);
}
