//! Addresses as they may be shown.

/// An address without the name and the password in it: what stands before the last `@` names who
/// comes, and is not for everybody.
pub(super) fn without_password(address: &str) -> String {
    match (address.split_once("://"), address.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://[redacted]@{host}"),
        _ => address.to_owned(),
    }
}
