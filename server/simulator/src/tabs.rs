//! The tabs: what they are told, what they wish for, and what their browser does about it.

use message_service_machine::{Input, TokenFailure};
use message_service_shared::seq::Seq;

use crate::browser::{Sending, Tab, Wish};
use crate::network::Up;
use crate::world::{Acknowledged, World};

impl World {
    pub(crate) fn wake_tabs(&mut self) {
        for browser in 0..self.browsers.len() {
            for tab in 0..self.browsers[browser].tabs.len() {
                let mut wakes = 0;
                while self.is_due(browser, tab) {
                    self.input(browser, tab, Input::Wake);
                    wakes += 1;
                    if wakes > 20 {
                        let name = &self.browsers[browser].tabs[tab].name;
                        self.complaints.push(format!("{name} wants to be woken at once, for ever"));
                        return;
                    }
                }
            }
        }
    }

    pub(crate) fn is_due(&self, browser: usize, tab: usize) -> bool {
        let tab = &self.browsers[browser].tabs[tab];
        !tab.frozen && tab.wake.is_some_and(|at| at <= self.now)
    }

    pub(crate) fn input(&mut self, browser: usize, tab: usize, input: Input<serde_json::Value>) {
        if self.story.is_kept() && !matches!(input, Input::Wake) {
            let name = self.browsers[browser].tabs[tab].name.clone();
            let text = format!("{input:?}");
            let text: String = text.chars().take(900).collect();
            self.tell(format!("{name} <- {}", plain(&text)));
        }
        let now = self.clocks();
        let wishes = self.browsers[browser].tabs[tab].input(input, now);
        self.grant(browser, tab, wishes);
    }

    /// Does what a tab wants.
    pub(crate) fn grant(&mut self, browser: usize, tab: usize, wishes: Vec<Wish>) {
        let name = self.browsers[browser].tabs[tab].name.clone();
        for wish in wishes {
            match wish {
                Wish::Token => {
                    let token = if self.faults.happens(50) {
                        Err(TokenFailure::Failed)
                    } else {
                        Ok(self.browsers[browser].user.to_string())
                    };
                    let at = self.now + self.random.up_to(50);
                    let here = &mut self.browsers[browser].tabs[tab];
                    here.waiting.push_back((at, Input::Token(token)));
                }
                Wish::Dial => {
                    let site = self.random.up_to(self.sites.len() as u64 - 1) as usize;
                    let refused = self.sites[site].node.is_none() || self.faults.happens(30);
                    let conn = self.network.dial(self.now, site, refused);
                    self.browsers[browser].tabs[tab].conn = Some(conn);
                }
                Wish::HangUp(conn) => self.network.hang_up(conn, self.now),
                Wish::Send(conn, frame) => {
                    if self.story.is_kept() {
                        self.tell(format!("{name} -> {frame}"));
                    }
                    self.network.send_up(conn, self.now, Up::Frame(frame));
                }
                Wish::Stored(key, value) => self.stored(browser, tab, &key, value.as_ref()),
                Wish::Acknowledged(sending, seq) => self.acknowledge(browser, sending, seq),
                Wish::Failed(sending, error) => {
                    self.tell(format!("{name} could not send {}: {error}", sending.client_msg_id));
                    self.count("failed sends");
                    if error.retryable {
                        self.to_retry.push((browser, sending));
                    }
                }
            }
        }
        let here = &mut self.browsers[browser].tabs[tab];
        let complaints: Vec<String> = here.complaints.drain(..).collect();
        self.complaints.extend(complaints.into_iter().map(|line| format!("{name}: {line}")));
    }

    pub(crate) fn acknowledge(&mut self, browser: usize, sending: Sending, seq: Seq) {
        self.count("acknowledged sends");
        let sender = self.browsers[browser].user.clone();
        let key = (sending.conversation, sending.client_msg_id);
        // An acknowledgement may have been on its way when the data set was reset; only what the
        // store still has, or must still have, is held against it.
        let known = self.acknowledged.get(&key).map(|known| known.seq);
        if known.is_some_and(|known| known != seq) {
            self.complaints.push(format!("{} was acknowledged as {known:?} and {seq}", key.1));
        }
        self.acknowledged.insert(key, Acknowledged { seq, sender, text: sending.text });
    }

    /// One tab wrote into the storage; the others hear of it, each when its time comes.
    pub(crate) fn stored(
        &mut self,
        browser: usize,
        writer: usize,
        key: &str,
        value: Option<&String>,
    ) {
        let name = &self.browsers[browser].tabs[writer].name;
        self.story.tell(self.now, format!("{name} stores {key} = {value:?}"));
        let (now, browser) = (self.now, &mut self.browsers[browser]);
        let before = match value {
            Some(value) => browser.storage.insert(key.to_owned(), value.clone()),
            None => browser.storage.remove(key),
        };
        // Browsers tell nobody of a write that changes nothing.
        if before.as_ref() == value {
            return;
        }
        for (index, tab) in browser.tabs.iter_mut().enumerate() {
            if index != writer {
                let last = tab
                    .waiting
                    .iter()
                    .filter_map(|(at, input)| matches!(input, Input::Stored(..)).then_some(*at));
                let at = last.max().unwrap_or(0).max(now + self.random.up_to(15));
                tab.waiting.push_back((at, Input::Stored(key.to_owned(), value.cloned())));
            }
        }
    }

    pub(crate) fn open_tab_where_none_is(&mut self, browser: usize) {
        if self.browsers[browser].tabs.is_empty() {
            self.open_tab(browser);
        }
    }

    pub(crate) fn open_tab(&mut self, browser: usize) {
        self.tabs_made += 1;
        let user = self.browsers[browser].user.clone();
        let name = format!("{user}/{browser}.{}", self.tabs_made);
        let seed = self.random.next();
        let inbox_page = [0, 3, 50][self.random.up_to(2) as usize];
        self.tell(format!("{name} opens"));
        self.browsers[browser].tabs.push(Tab::new(name, seed, inbox_page));
        let tab = self.browsers[browser].tabs.len() - 1;
        let storage = self.browsers[browser].storage.clone();
        self.input(browser, tab, Input::Connect { stored: storage.into_iter().collect() });
    }
}

/// The debug form of JSON values, shortened to what a reader wants.
fn plain(text: &str) -> String {
    text.replace("Object ", "")
        .replace("String(", "(")
        .replace("Number(", "(")
        .replace("Array ", "")
}
