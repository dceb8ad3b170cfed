//! The hot statements use their indexes, and read no more than they return.

use rusqlite::{StatementStatus, params};

use super::super::archive::pages;
use super::super::{member, message, row};
use super::*;
use crate::store::conformance::{direct, say};

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    // What the parameters are makes no difference to the plan.
    let nulls = vec![rusqlite::types::Null; explain.parameter_count()];
    let steps = explain.query_map(rusqlite::params_from_iter(nulls), |row| row.get(3)).unwrap();
    steps.map(Result::unwrap).collect()
}

#[test]
fn hot_statements_use_their_indexes() {
    let place = Place::new();
    drop(place.store());
    let connection = place.connection();
    let conversation_by_key = "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)";
    let sender = "SEARCH s USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN";
    let recaller = "SEARCH r USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN";
    let history = "SEARCH m USING PRIMARY KEY (conversation=? AND seq>? AND seq<?)";
    // Rows of equal time are put in order among themselves, no more.
    let ties = "USE TEMP B-TREE FOR LAST TERM OF ORDER BY";
    let plans: [(&str, &[&str]); 11] = [
        (
            row::NAMED,
            &[
                "SEARCH c USING INDEX sqlite_autoindex_conversations_1 (conversation_id=?)",
                "SEARCH m USING PRIMARY KEY (user=? AND conversation=?)",
            ],
        ),
        (row::UNREAD, &["SEARCH m USING INDEX members_unread (user=?)", conversation_by_key]),
        (
            row::FIRST_PAGE,
            &["SEARCH m USING INDEX members_listed (user=?)", conversation_by_key, ties],
        ),
        (
            row::NEXT_PAGE,
            &[
                "SEARCH m USING INDEX members_listed (user=? AND last_at<?)",
                conversation_by_key,
                ties,
            ],
        ),
        (message::OLDEST, &[history, sender, recaller]),
        (message::NEWEST, &[history, sender, recaller]),
        (
            message::ONE,
            &["SEARCH m USING PRIMARY KEY (conversation=? AND seq=?)", sender, recaller],
        ),
        (
            message::BY_NAME,
            &["SEARCH messages USING INDEX sqlite_autoindex_messages_2 \
               (conversation=? AND sender=? AND client_msg_id=?)"],
        ),
        (
            message::COUNT,
            &["SEARCH messages USING PRIMARY KEY (conversation=? AND seq>? AND seq<?)"],
        ),
        (
            member::TOUCH_OTHERS,
            &["SEARCH members USING INDEX members_of_conversation (conversation=?)"],
        ),
        (member::READS, &["SEARCH reads USING PRIMARY KEY (user=? AND conversation=?)"]),
    ];
    for (sql, wanted) in plans {
        assert_eq!(plan(&connection, sql), wanted, "{sql}");
    }
    assert!(plan(&connection, member::OF_GROUP).iter().all(|step| !step.starts_with("SCAN")));
    assert!(plan(&connection, member::ALL_OF).iter().all(|step| !step.starts_with("SCAN")));
}

/// Nothing is scanned, and nothing sorted but the rows of one user: a page costs what it returns.
#[test]
fn pages_of_an_export_are_read_in_the_order_of_their_indexes() {
    let place = Place::new();
    drop(place.store());
    let connection = place.connection();
    let all = [
        (pages::USERS, "sqlite_autoindex_users_1 (user_id>?)"),
        (pages::CONVERSATIONS, "sqlite_autoindex_conversations_1 (conversation_id>?)"),
        (pages::MEMBERS_OF_ONE, "sqlite_autoindex_users_1 (user_id=?)"),
        (pages::MEMBERS_OF_NEXT, "sqlite_autoindex_users_1 (user_id>?)"),
        (pages::MESSAGES_OF_ONE, "sqlite_autoindex_conversations_1 (conversation_id=?)"),
        (pages::MESSAGES_OF_NEXT, "sqlite_autoindex_conversations_1 (conversation_id>?)"),
    ];
    for (sql, first) in all {
        let steps = plan(&connection, sql);
        assert!(steps[0].ends_with(first), "{steps:?}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{steps:?}");
        let sorted: Vec<&String> = steps.iter().filter(|step| step.contains("TEMP")).collect();
        let is_of_members = sql.contains("CROSS JOIN members");
        assert_eq!(sorted.len(), usize::from(is_of_members), "{steps:?}");
        assert!(sorted.iter().all(|step| step.ends_with("LAST TERM OF ORDER BY")), "{sorted:?}");
    }
}

#[tokio::test]
async fn twelve_unread_of_many_conversations_are_read_as_twelve() {
    let place = Place::new();
    let shared = place.shared();
    for number in 0..12 {
        say(&shared, &direct("ann", &format!("unread {number}")), &format!("unread {number}"))
            .await;
    }
    let connection = place.connection();
    let steps = || {
        let mut unread = connection.prepare(row::UNREAD).unwrap();
        let ann = "SELECT key FROM users WHERE user_id = 'ann'";
        let ann: i64 = connection.query_row(ann, [], |row| row.get(0)).unwrap();
        let found = unread.query_map([ann], |_| Ok(())).unwrap().count();
        (found, unread.get_status(StatementStatus::VmStep))
    };
    let few = steps();
    assert_eq!(few.0, 12);
    connection
        .execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
             INSERT INTO conversations (conversation_id, last_seq, last_at)
             SELECT 'group:' || i, 1, 1 FROM n;",
        )
        .unwrap();
    let joined = "INSERT INTO members (user, conversation, term, read_seq, last_seq, last_at)
                  SELECT u.key, c.key, 1, 1, 1, 1 FROM users AS u JOIN conversations AS c
                  WHERE u.user_id = 'ann' AND c.conversation_id GLOB ?1";
    assert_eq!(connection.execute(joined, params!["group:*"]).unwrap(), 10_000);
    assert_eq!(steps(), few, "the read ones cost nothing");
}
