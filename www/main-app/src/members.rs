//! The product's sample members.

use message_service::id::UserId;
use message_service::store::Profile;
use serde::Serialize;

/// A member, as the pages see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Member {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) avatar: Option<&'static str>,
}

const fn member(id: &'static str, name: &'static str, avatar: Option<&'static str>) -> Member {
    Member { id, name, avatar }
}

pub(crate) const MEMBERS: [Member; 7] = [
    member("ada", "Ada Lindqvist", Some("/avatars/tomato.svg")),
    member("ben", "Ben Okafor", Some("/avatars/carrot.svg")),
    member("chen", "陈雨桐", Some("/avatars/sunflower.svg")),
    member("dana", "Dana Weiss", None),
    member("elif", "Elif Kaya", Some("/avatars/pea.svg")),
    member("farid", "فريد حداد", None),
    member("grace", "Grace Mwangi", None),
];

pub(crate) fn find(id: &str) -> Option<Member> {
    MEMBERS.into_iter().find(|member| member.id == id)
}

impl Member {
    /// The member's id, as the service wants it.
    pub(crate) fn user(self) -> Option<UserId> {
        UserId::new(self.id).ok()
    }
}

/// Everybody, as the service is told of them.
pub(crate) fn profiles() -> Vec<Profile> {
    let profile = |member: Member| {
        Some(Profile {
            id: member.user()?,
            name: Some(member.name.to_owned()),
            avatar: member.avatar.map(str::to_owned),
            created_at: Some(0),
        })
    };
    MEMBERS.into_iter().filter_map(profile).collect()
}
