//! From a store to lines.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use message_service_shared::id::UserId;

use super::block::BlockWriter;
use super::line::{FORMAT, Head, Line, Shows, Stands};
use super::partial::{Begun, Partial};
use super::{Event, TransferError, Witness};
use crate::service::{Standings, digest, standings};
use crate::store::archive::{Archive, Place, Record, Tally};

/// Records that are asked of the store at once.
const PAGE: usize = 1_000;

/// Writes a store's data set to a file, which gets its name once it is whole. Until then it has
/// `.partial` behind its name, and where it stays behind, the next try goes on with it unless the
/// store was written to since.
pub async fn export_to_file(
    store: &dyn Archive,
    path: &Path,
    witness: &mut dyn Witness,
) -> Result<Tally, TransferError> {
    let partial = Partial::open(path)?;
    let head = begin(store).await?;
    let begun = partial.begun(&head)?.unwrap_or_else(|| {
        witness.told(Event::StartsOver);
        Begun::nothing()
    });
    if begun.progress.lines > 0 {
        witness.told(Event::GoesOnAfter(begun.progress.lines));
    }
    let out = partial.after(&begun)?;
    write(store, &head, begun, out, witness).await?;
    partial.finish()?;
    Ok(head.tally)
}

/// Writes a store's data set to wherever it should go. Nothing can go on with it.
pub async fn export(
    store: &dyn Archive,
    out: impl Write,
    witness: &mut dyn Witness,
) -> Result<Tally, TransferError> {
    let head = begin(store).await?;
    write(store, &head, Begun::nothing(), out, witness).await?;
    Ok(head.tally)
}

async fn begin(store: &dyn Archive) -> Result<Head, TransferError> {
    if store.unfinished().await?.is_some() {
        return Err(TransferError::Unfinished);
    }
    // A process that was killed may have left derived values behind that the digests depend on.
    store.repair().await?;
    let (epoch, tally) = (store.epoch().await?, store.tally().await?);
    Ok(Head { format: FORMAT, epoch, tally })
}

async fn write(
    store: &dyn Archive,
    head: &Head,
    begun: Begun,
    out: impl Write,
    witness: &mut dyn Witness,
) -> Result<(), TransferError> {
    let Begun { progress, mut place, mut records, .. } = begun;
    let is_new = progress.lines == 0;
    let mut lines = BlockWriter::after(progress, out);
    if is_new {
        lines.write(&Line::Head(head.clone())).map_err(TransferError::Write)?;
    }
    loop {
        let page = store.page(&place, PAGE).await?;
        let Some(last) = page.last() else { break };
        place = last.place();
        records += page.len() as u64;
        for record in page {
            lines.write(&record.into()).map_err(TransferError::Write)?;
        }
        witness.done(records, head.tally.records());
    }
    lines.seal().map_err(TransferError::Write)?;
    witness.told(Event::Comparing);
    write_badges(store, &mut lines).await?;
    if store.tally().await? != head.tally {
        return Err(TransferError::Changed);
    }
    lines.end().map_err(TransferError::Write)?;
    Ok(())
}

/// What everybody's badges show, those included who were written to and never seen.
async fn write_badges(
    store: &dyn Archive,
    lines: &mut BlockWriter<impl Write>,
) -> Result<(), TransferError> {
    let (mut place, mut last) = (Place::Start, None);
    loop {
        let page = store.page(&place, PAGE).await?;
        let Some(end) = page.last().map(Record::place) else { return Ok(()) };
        let (mut users, mut members) = (Vec::new(), Vec::new());
        for record in page {
            match record {
                Record::User(record) => users.push(record.id),
                Record::Member(record) if last.as_ref() != Some(&record.user) => {
                    last = Some(record.user.clone());
                    members.push(record.user);
                }
                Record::Member(_)
                | Record::Conversation(_)
                | Record::Message(_)
                | Record::Notice(_) => {}
            }
        }
        let seen = store.users(&members).await?.into_iter().map(|known| known.user.id);
        let seen: BTreeSet<UserId> = seen.collect();
        users.extend(members.into_iter().filter(|member| !seen.contains(member)));
        for (user, standings) in standings(store, &users).await? {
            write_badge(user, standings, lines).map_err(TransferError::Write)?;
        }
        if matches!(end, Place::Message(..) | Place::Notice(_)) {
            return Ok(());
        }
        place = end;
    }
}

fn write_badge(
    user: UserId,
    mut standings: Standings,
    lines: &mut BlockWriter<impl Write>,
) -> io::Result<()> {
    let digest = digest(&standings);
    standings.retain(|(_, standing)| standing.shown() > 0);
    standings.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (conversation, standing) in standings {
        lines.write(&Line::Standing(Stands::new(user.clone(), conversation, &standing)))?;
    }
    lines.write(&Line::Digest(Shows { user, digest }))
}
