//! Who is online on which node, for all nodes to see.

use async_trait::async_trait;
use message_service_shared::id::UserId;
use mongodb::bson::{Document, doc};
use serde::Deserialize;

use super::connection::Statement;
use super::{MongoStore, NODES, PRESENCE};
use crate::bus::NodeId;
use crate::roster::{Lease, Leases};
use crate::store::StoreError;

/// A document of `nodes`.
#[derive(Debug, Deserialize)]
struct NodeDocument {
    #[serde(rename = "_id")]
    id: String,
    beats: i64,
}

/// A document of `presence`.
#[derive(Debug, Deserialize)]
struct PresenceDocument {
    user: UserId,
    node: String,
}

fn text(node: NodeId) -> String {
    format!("{:016x}", node.0)
}

fn node(text: &str) -> Option<NodeId> {
    u64::from_str_radix(text, 16).map(NodeId).ok()
}

#[async_trait]
impl Leases for MongoStore {
    async fn beat(&self, lease: Lease) -> Result<Vec<Lease>, StoreError> {
        let connection = &self.core.connection;
        let beats = i64::try_from(lease.beats).unwrap_or(i64::MAX);
        let update = doc! { "$set": { "beats": beats } };
        let beat = Statement::put(doc! { "_id": text(lease.node) }, update);
        connection.update(NODES, &[beat]).await?;
        let found: Vec<NodeDocument> = connection.find(NODES, Document::new()).await?;
        let lease = |found: NodeDocument| {
            Some(Lease { node: node(&found.id)?, beats: u64::try_from(found.beats).ok()? })
        };
        Ok(found.into_iter().filter_map(lease).collect())
    }

    async fn note(
        &self,
        node: NodeId,
        came: Vec<UserId>,
        left: Vec<UserId>,
    ) -> Result<(), StoreError> {
        let connection = &self.core.connection;
        let make = |user: &UserId| {
            let key = doc! { "user": user.as_str(), "node": text(node) };
            Statement::make(key, doc! { "here": true })
        };
        let came: Vec<Statement> = came.iter().map(make).collect();
        connection.update(PRESENCE, &came).await?;
        if left.is_empty() {
            return Ok(());
        }
        let left: Vec<&str> = left.iter().map(UserId::as_str).collect();
        let presence = connection.collection::<Document>(PRESENCE);
        let gone = doc! { "user": { "$in": left }, "node": text(node) };
        connection.call(presence.delete_many(gone)).await.map(drop)
    }

    async fn whereabouts(&self, users: &[UserId]) -> Result<Vec<(UserId, NodeId)>, StoreError> {
        let users: Vec<&str> = users.iter().map(UserId::as_str).collect();
        let filter = doc! { "user": { "$in": users } };
        let found: Vec<PresenceDocument> = self.core.connection.find(PRESENCE, filter).await?;
        Ok(found.into_iter().filter_map(|found| Some((found.user, node(&found.node)?))).collect())
    }

    async fn noted(&self, node: NodeId) -> Result<Vec<UserId>, StoreError> {
        let filter = doc! { "node": text(node) };
        let found: Vec<PresenceDocument> = self.core.connection.find(PRESENCE, filter).await?;
        Ok(found.into_iter().map(|found| found.user).collect())
    }

    async fn forget(&self, node: NodeId) -> Result<(), StoreError> {
        let connection = &self.core.connection;
        let presence = connection.collection::<Document>(PRESENCE);
        connection.call(presence.delete_many(doc! { "node": text(node) })).await?;
        let nodes = connection.collection::<Document>(NODES);
        connection.call(nodes.delete_one(doc! { "_id": text(node) })).await.map(drop)
    }
}
