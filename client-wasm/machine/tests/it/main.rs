//! The machine by script: what the page and the server say, and what comes of it.

#![cfg(test)]

mod audits;
mod connection;
mod dot;
mod inbox;
mod mirror;
mod news;
mod reading;
mod requests;
mod resets;
mod script;
