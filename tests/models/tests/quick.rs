//! The small models, explored with every test run.

#[test]
fn what_must_hold_holds_in_every_state() {
    for explore in models::QUICK {
        let explored = explore();
        println!("{explored}");
        assert!(explored.problems.is_empty(), "{explored}");
    }
}
