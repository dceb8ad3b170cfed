//! What people, the main app and fate do.

use std::collections::BTreeMap;

use message_service::service::{PushRequest, To};
use message_service_machine::{Input, Request};
use message_service_shared::command::Configure;
use message_service_shared::id::{ClientMsgId, ConversationId, UserId};
use message_service_shared::message::Content;
use message_service_shared::view::Page;

use crate::browser::{Browser, Sending};
use crate::world::World;

const USERS: [&str; 4] = ["ann", "bob", "cid", "dee"];

impl World {
    /// Everybody has a device, some have two, and each begins with a tab.
    pub(crate) fn open_browsers(&mut self) {
        let users: Vec<UserId> = USERS.iter().filter_map(|name| name.parse().ok()).collect();
        for user in users {
            for _ in 0..=self.random.up_to(1) {
                let browser =
                    Browser { user: user.clone(), storage: BTreeMap::default(), tabs: Vec::new() };
                self.browsers.push(browser);
                self.open_tab(self.browsers.len() - 1);
            }
        }
    }

    /// One thing happens.
    pub(crate) fn act(&mut self) {
        match self.random.up_to(999) {
            0..=299 => self.somebody(Self::send),
            300..=359 => self.push(),
            360..=459 => self.somebody(Self::open),
            460..=519 => self.somebody(Self::turn),
            520..=559 => self.somebody(Self::change_page),
            560..=599 => self.somebody(Self::leave),
            600..=649 => self.somebody(Self::change_settings),
            650..=679 => self.somebody(Self::recall),
            680..=719 => self.somebody(Self::history),
            720..=759 => self.somebody(Self::more),
            760..=789 => self.retry(),
            790..=829 => self.cut(),
            830..=849 => self.freeze(),
            850..=879 => self.reload(),
            880..=899 => self.new_tab(),
            900..=919 => self.close_tab(),
            920..=929 => self.stall(),
            930..=937 => self.node_crash(),
            938..=940 => self.wipe_or_restore(),
            941..=950 => self.skew(),
            951..=956 => self.store_outage(),
            957..=965 => self.somebody(|world, browser, tab| {
                world.input(browser, tab, Input::Online);
            }),
            966..=972 => self.clear_storage(),
            _ => {}
        }
    }

    /// Somebody who is there, in one of their tabs.
    fn somebody(&mut self, act: impl FnOnce(&mut Self, usize, usize)) {
        let browser = self.random.up_to(self.browsers.len() as u64 - 1) as usize;
        let tabs = self.browsers[browser].tabs.len();
        if tabs == 0 {
            return;
        }
        let tab = self.random.up_to(tabs as u64 - 1) as usize;
        if !self.browsers[browser].tabs[tab].frozen {
            act(self, browser, tab);
        }
    }

    fn ask(&mut self, browser: usize, tab: usize, request: Request) {
        let name = self.browsers[browser].tabs[tab].name.clone();
        self.tell(format!("{name} asks {request:?}"));
        let now = self.clocks();
        let wishes = self.browsers[browser].tabs[tab].ask(request, now);
        self.grant(browser, tab, wishes);
    }

    fn some_conversation(&mut self, browser: usize, writable: bool) -> Option<ConversationId> {
        let user = self.browsers[browser].user.clone();
        match self.random.up_to(9) {
            0 if !writable => Some(ConversationId::announcement()),
            1 if !writable => Some(ConversationId::system(&user)),
            _ => {
                let peer: UserId = USERS[self.random.up_to(3) as usize].parse().ok()?;
                ConversationId::direct(&user, &peer)
            }
        }
    }

    fn send(&mut self, browser: usize, tab: usize) {
        let Some(conversation) = self.some_conversation(browser, true) else { return };
        self.count("sends");
        let number = self.tally["sends"];
        let Ok(client_msg_id) = ClientMsgId::new(format!("m{number}")) else { return };
        let sending = Sending { conversation, client_msg_id, text: format!("message {number}") };
        self.send_this(browser, tab, sending);
    }

    fn send_this(&mut self, browser: usize, tab: usize, sending: Sending) {
        let name = self.browsers[browser].tabs[tab].name.clone();
        self.tell(format!("{name} sends {} to {}", sending.client_msg_id, sending.conversation));
        let now = self.clocks();
        let here = &mut self.browsers[browser].tabs[tab];
        let ticket = here.ticket();
        here.sends.insert(ticket, sending.clone());
        let request = Request::Send {
            conversation: sending.conversation,
            client_msg_id: sending.client_msg_id,
            content: format!(r#"{{"kind":"text","text":"{}"}}"#, sending.text),
        };
        let wishes = here.input(Input::Call(ticket, request), now);
        self.grant(browser, tab, wishes);
    }

    /// A send that failed is tried again under its own name, from any tab of the same browser.
    fn retry(&mut self) {
        if self.to_retry.is_empty() {
            return;
        }
        let index = self.random.up_to(self.to_retry.len() as u64 - 1) as usize;
        let (browser, sending) = self.to_retry.swap_remove(index);
        if !self.browsers[browser].tabs.is_empty() {
            self.count("retries");
            self.send_this(browser, 0, sending);
        }
    }

    fn push(&mut self) {
        let up = self.sites.iter().enumerate().filter(|(_, site)| site.node.is_some());
        let up: Vec<usize> = up.map(|(number, _)| number).collect();
        let Some(last) = up.len().checked_sub(1) else { return };
        let site = up[self.random.up_to(last as u64) as usize];
        let Some(node) = &mut self.sites[site].node else { return };
        let number = self.random.next();
        let to = if self.random.up_to(3) == 0 {
            To::Everyone
        } else {
            let several = USERS.iter().take(1 + self.random.up_to(3) as usize);
            To::Users(several.filter_map(|name| name.parse().ok()).collect())
        };
        let request = PushRequest {
            to,
            content: Content::notice(format!("notice {}", number % 1000)),
            quiet: self.random.up_to(3) == 0,
            key: ClientMsgId::new(format!("p{number}")).ok(),
        };
        let service = node.service.clone();
        let line = format!("the main app pushes {request:?}");
        // Like any careful caller, it tries again under the same key.
        node.spawn(Box::pin(async move {
            for _ in 0..8 {
                match service.push(request.clone()).await {
                    Err(error) if error.to_api().retryable => {}
                    _ => return,
                }
            }
        }));
        self.tell(line);
        self.count("pushes");
    }

    fn open(&mut self, browser: usize, tab: usize) {
        if let Some(conversation) = self.some_conversation(browser, false) {
            self.browsers[browser].tabs[tab].shown = None;
            self.ask(browser, tab, Request::Open(conversation));
            self.count("opens");
        }
    }

    fn leave(&mut self, browser: usize, tab: usize) {
        self.browsers[browser].tabs[tab].shown = None;
        self.input(browser, tab, Input::Leave);
    }

    fn turn(&mut self, browser: usize, tab: usize) {
        let attention = match self.random.up_to(3) {
            0 => Input::Attention { visible: false, focused: false },
            1 => Input::Attention { visible: true, focused: false },
            _ => Input::Attention { visible: true, focused: true },
        };
        self.input(browser, tab, attention);
    }

    fn change_page(&mut self, browser: usize, tab: usize) {
        let page = [Page::Home, Page::Messages, Page::Other][self.random.up_to(2) as usize];
        self.input(browser, tab, Input::Page(page));
    }

    fn change_settings(&mut self, browser: usize, tab: usize) {
        let Some(conversation) = self.some_conversation(browser, false) else { return };
        let request = match self.random.up_to(4) {
            0 => Request::Clear(conversation),
            1 | 2 => Request::Configure(Configure {
                conversation,
                muted: Some(self.random.up_to(1) == 0),
                pinned: None,
            }),
            _ => Request::Mark(conversation),
        };
        self.ask(browser, tab, request);
        self.count("changes");
    }

    fn recall(&mut self, browser: usize, tab: usize) {
        let user = self.browsers[browser].user.clone();
        let mine = self.acknowledged.iter().filter(|(_, sent)| sent.sender == user);
        let mine: Vec<_> = mine.map(|((id, _), sent)| (id.clone(), sent.seq)).collect();
        if let Some(last) = mine.len().checked_sub(1) {
            let (conversation, seq) = mine[self.random.up_to(last as u64) as usize].clone();
            self.ask(browser, tab, Request::Recall(conversation, seq));
            self.count("recalls");
        }
    }

    fn history(&mut self, browser: usize, tab: usize) {
        let first = self.browsers[browser].tabs[tab]
            .shown
            .as_ref()
            .and_then(|shown| Some((shown.conversation.clone(), *shown.seqs.first()?)));
        if let Some((conversation, before)) = first {
            self.ask(browser, tab, Request::History { conversation, before, limit: Some(5) });
        }
    }

    fn more(&mut self, browser: usize, tab: usize) {
        self.ask(browser, tab, Request::More);
    }

    fn cut(&mut self) {
        let ids = self.network.ids();
        if let Some(last) = ids.len().checked_sub(1) {
            let conn = ids[self.random.up_to(last as u64) as usize];
            self.tell(format!("connection {conn} is cut"));
            self.network.cut(conn, self.now);
            self.count("cuts");
        }
    }

    fn stall(&mut self) {
        let ids = self.network.ids();
        let Some(last) = ids.len().checked_sub(1) else { return };
        let conn = ids[self.random.up_to(last as u64) as usize];
        let site = self.network.site_of(conn).and_then(|site| self.sites.get_mut(site));
        if let Some(node) = site.and_then(|site| site.node.as_mut()) {
            node.stall(conn, self.now + self.random.up_to(20_000));
            self.count("stalls");
        }
    }

    fn freeze(&mut self) {
        let browser = self.random.up_to(self.browsers.len() as u64 - 1) as usize;
        let thawed = self.random.up_to(1) == 0;
        for tab in &mut self.browsers[browser].tabs {
            tab.frozen = !thawed && self.random.up_to(1) == 0;
        }
        self.count("freezes");
    }

    fn reload(&mut self) {
        self.somebody(|world, browser, tab| {
            world.end_tab(browser, tab);
            world.open_tab(browser);
            world.count("reloads");
        });
    }

    fn new_tab(&mut self) {
        let browser = self.random.up_to(self.browsers.len() as u64 - 1) as usize;
        if self.browsers[browser].tabs.len() < 3 {
            self.open_tab(browser);
        }
    }

    fn close_tab(&mut self) {
        self.somebody(|world, browser, tab| {
            world.end_tab(browser, tab);
            world.count("closed tabs");
        });
    }

    /// The page is gone at once: nothing it had not sent or stored is done any more. What it was
    /// sending is unknown to its user, who may send it again.
    fn end_tab(&mut self, browser: usize, tab: usize) {
        let tab = self.browsers[browser].tabs.remove(tab);
        self.tell(format!("{} is closed", tab.name));
        if let Some(conn) = tab.conn {
            self.network.hang_up(conn, self.now);
        }
        self.to_retry.extend(tab.sends.into_values().map(|sending| (browser, sending)));
    }

    fn node_crash(&mut self) {
        let site = self.random.up_to(self.sites.len() as u64 - 1) as usize;
        if self.sites[site].node.is_some() {
            self.crash(site);
            self.count("crashes");
        }
    }

    fn wipe_or_restore(&mut self) {
        match (self.random.up_to(2), self.backup.clone()) {
            (0, _) | (_, None) => {
                self.backup = Some((self.store.backup(), self.acknowledged.clone()));
                self.tell("a backup is made");
            }
            (_, Some((backup, acknowledged))) => {
                for site in 0..self.sites.len() {
                    if self.sites[site].node.is_some() {
                        self.crash(site);
                    }
                }
                let epoch = self.next_epoch();
                self.tell(format!("the backup is restored as {epoch}"));
                self.store.restore(backup, epoch);
                self.acknowledged = acknowledged;
                // Acknowledgements of the life before are on nobody's list any more.
                for browser in &mut self.browsers {
                    for tab in &mut browser.tabs {
                        tab.sends.clear();
                        tab.shown = None;
                    }
                }
                self.to_retry.clear();
                self.count("restores");
            }
        }
    }

    fn skew(&mut self) {
        let jump = i64::try_from(self.random.up_to(7_200_000)).unwrap_or(0) - 3_600_000;
        self.skew = jump;
        self.tell(format!("the server's clock is {jump} ms off"));
    }

    fn store_outage(&mut self) {
        let down = self.faults.toggle_store();
        self.tell(if down { "the store goes down" } else { "the store is back" });
        self.count("outages");
    }

    /// The user empties the browser's storage by hand.
    fn clear_storage(&mut self) {
        let browser = self.random.up_to(self.browsers.len() as u64 - 1) as usize;
        let now = self.now;
        let here = &mut self.browsers[browser];
        here.storage.clear();
        for tab in &mut here.tabs {
            tab.waiting.retain(|(_, input)| !matches!(input, Input::Stored(..)));
            tab.waiting.push_back((now, Input::StorageCleared { stored: Vec::new() }));
        }
        self.tell("a storage is emptied");
    }
}
