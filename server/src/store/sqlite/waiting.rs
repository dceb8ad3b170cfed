//! Notices in a table of their own.

use async_trait::async_trait;
use message_service_shared::id::UserId;
use message_service_shared::message::Millis;
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::columns::{Columns, int, json, limit as rows};
use super::conversation::Conversation;
use super::desk::Desk;
use super::keys::PRODUCT;
use crate::store::StoreError;
use crate::store::archive::NoticeRecord;
use crate::store::waiting::{Company, Due, Holder, Notice, Tries, Waiting};

pub(super) const KEEP: &str =
    "INSERT INTO waiting (receiver, conversation, seq, due_at) VALUES (?1, ?2, ?3, ?4)
     ON CONFLICT DO NOTHING";
pub(super) const DUE: &str =
    "SELECT u.user_id, c.conversation_id, w.seq, w.told, w.looked, w.company, w.due_at
     FROM waiting AS w
     JOIN conversations AS c ON c.key = w.conversation
     LEFT JOIN users AS u ON u.key = w.receiver
     WHERE w.due_at <= ?1 ORDER BY w.due_at LIMIT ?2";
pub(super) const HOLD: &str = "UPDATE waiting SET due_at = ?5, held_by = ?6
     WHERE receiver = ?1 AND conversation = ?2 AND seq = ?3 AND due_at = ?4
         AND (company IS NOT NULL) = ?7";
pub(super) const LEAD: &str = "UPDATE waiting SET company = ?5
     WHERE receiver = ?1 AND conversation = ?2 AND seq = ?3 AND held_by = ?4";
pub(super) const JOIN: &str = "UPDATE waiting SET due_at = NULL
     WHERE receiver = ?1 AND conversation = ?2 AND seq = ?3 AND held_by = ?4";
pub(super) const PUT_OFF: &str =
    "UPDATE waiting SET due_at = ?5, held_by = NULL, told = ?6, looked = ?7
     WHERE receiver = ?1 AND conversation = ?2 AND seq = ?3 AND held_by = ?4";
pub(super) const FINISH: &str = "UPDATE waiting SET due_at = NULL, held_by = NULL, done_at = ?5
     WHERE receiver = ?1 AND conversation = ?2 AND seq = ?3 AND held_by = ?4";
pub(super) const FORGET: &str = "DELETE FROM waiting WHERE done_at < ?1";

/// A notice by its keys.
struct Key {
    receiver: i64,
    conversation: i64,
    seq: i64,
}

impl Desk {
    fn key(&mut self, notice: &Notice) -> Result<Key, StoreError> {
        let receiver = match &notice.receiver {
            Some(user) => self.keys.user(&self.connection, user)?,
            None => PRODUCT,
        };
        let found = Conversation::find(&self.connection, &notice.conversation)?;
        let gone = || StoreError::Broken("a notice is of no conversation".to_owned());
        let conversation = found.ok_or_else(gone)?.key;
        Ok(Key { receiver, conversation, seq: int(notice.seq.get()) })
    }

    fn keep(&mut self, notices: &[Notice], due: Millis) -> Result<(), StoreError> {
        for notice in notices {
            let Key { receiver, conversation, seq } = self.key(notice)?;
            let mut insert = self.connection.prepare_cached(KEEP)?;
            insert.execute([receiver, conversation, seq, int(due)])?;
        }
        Ok(())
    }

    fn hold(
        &mut self,
        seen: &[Due],
        holder: &Holder,
        until: Millis,
    ) -> Result<Vec<Notice>, StoreError> {
        let mut held = Vec::new();
        for Due { notice, at, company, .. } in seen {
            let Key { receiver, conversation, seq } = self.key(notice)?;
            let mut update = self.connection.prepare_cached(HOLD)?;
            let (at, until, leads) = (int(*at), int(until), company.is_some());
            let key = params![receiver, conversation, seq, at, until, holder.0, leads];
            if update.execute(key)? == 1 {
                held.push(notice.clone());
            }
        }
        Ok(held)
    }

    fn gather(
        &mut self,
        leader: &Notice,
        company: &Company,
        holder: &Holder,
    ) -> Result<Vec<Notice>, StoreError> {
        let Key { receiver, conversation, seq } = self.key(leader)?;
        let mut update = self.connection.prepare_cached(LEAD)?;
        let leads = params![receiver, conversation, seq, holder.0, json(company)?];
        if update.execute(leads)? == 0 {
            return Ok(Vec::new());
        }
        drop(update);
        let mut together = vec![leader.clone()];
        for other in &company.others {
            let Key { receiver, conversation, seq } = self.key(other)?;
            let mut update = self.connection.prepare_cached(JOIN)?;
            if update.execute(params![receiver, conversation, seq, company.id.0])? == 1 {
                together.push(other.clone());
            }
        }
        Ok(together)
    }

    fn put_off(
        &mut self,
        notices: &[Notice],
        holder: &Holder,
        until: Millis,
        tries: Tries,
    ) -> Result<(), StoreError> {
        for notice in notices {
            let Key { receiver, conversation, seq } = self.key(notice)?;
            let mut update = self.connection.prepare_cached(PUT_OFF)?;
            let Tries { told, looked } = tries;
            update.execute(params![
                receiver,
                conversation,
                seq,
                holder.0,
                int(until),
                told,
                looked
            ])?;
        }
        Ok(())
    }

    fn finish(
        &mut self,
        notices: &[Notice],
        holder: &Holder,
        at: Millis,
    ) -> Result<(), StoreError> {
        for notice in notices {
            let Key { receiver, conversation, seq } = self.key(notice)?;
            let mut update = self.connection.prepare_cached(FINISH)?;
            update.execute(params![receiver, conversation, seq, holder.0, int(at)])?;
        }
        Ok(())
    }
}

/// A notice, its tries and the company that it leads, from the first columns of [`DUE`].
fn notice(row: &Row<'_>) -> rusqlite::Result<(Notice, Tries, Option<Company>)> {
    let receiver: Option<String> = row.get(0)?;
    let receiver: Option<UserId> = receiver.map(|_| row.parsed(0)).transpose()?;
    let notice = Notice { receiver, conversation: row.parsed(1)?, seq: row.seq(2)? };
    let tries = Tries { told: row.small(3)?, looked: row.small(4)? };
    Ok((notice, tries, row.json(5)?))
}

fn due_at(row: &Row<'_>) -> rusqlite::Result<Due> {
    let (notice, tries, company) = notice(row)?;
    Ok(Due { notice, at: row.number(6)?, tries, company })
}

/// A notice that may have joined a company, from the same columns and, after them, who holds it.
pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<NoticeRecord> {
    let (notice, tries, company) = notice(row)?;
    let due: Option<i64> = row.get(6)?;
    let due = due.map(|_| row.number(6)).transpose()?;
    let held: Option<String> = row.get(7)?;
    Ok(NoticeRecord::new(notice, due, tries, company, held.map(Holder)))
}

fn due(connection: &Connection, now: Millis, limit: usize) -> Result<Vec<Due>, StoreError> {
    let mut select = connection.prepare_cached(DUE)?;
    let found = select.query_map([int(now), rows(limit)], due_at)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

#[async_trait]
impl Waiting for SqliteStore {
    async fn keep(&self, notices: Vec<Notice>, due: Millis) -> Result<(), StoreError> {
        self.writer.write(move |desk| desk.keep(&notices, due)).await
    }

    async fn due(&self, now: Millis, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.readers.read(move |connection| due(connection, now, limit)).await
    }

    async fn hold(
        &self,
        seen: Vec<Due>,
        holder: &Holder,
        until: Millis,
    ) -> Result<Vec<Notice>, StoreError> {
        let holder = holder.clone();
        self.writer.write(move |desk| desk.hold(&seen, &holder, until)).await
    }

    async fn gather(
        &self,
        leader: Notice,
        company: Company,
        holder: &Holder,
    ) -> Result<Vec<Notice>, StoreError> {
        let holder = holder.clone();
        self.writer.write(move |desk| desk.gather(&leader, &company, &holder)).await
    }

    async fn put_off(
        &self,
        notices: Vec<Notice>,
        holder: &Holder,
        until: Millis,
        tries: Tries,
    ) -> Result<(), StoreError> {
        let holder = holder.clone();
        self.writer.write(move |desk| desk.put_off(&notices, &holder, until, tries)).await
    }

    async fn finish(
        &self,
        notices: Vec<Notice>,
        holder: &Holder,
        at: Millis,
    ) -> Result<(), StoreError> {
        let holder = holder.clone();
        self.writer.write(move |desk| desk.finish(&notices, &holder, at)).await
    }

    async fn forget(&self, before: Millis) -> Result<(), StoreError> {
        let forget = move |desk: &mut Desk| {
            let mut delete = desk.connection.prepare_cached(FORGET)?;
            delete.execute([int(before)])?;
            Ok(())
        };
        self.writer.write(forget).await
    }
}
