//! What is on its way between the tabs and the nodes, arriving.

use message_service_machine::Input;

use crate::network::{Down, Up};
use crate::node::Word;
use crate::world::World;

impl World {
    pub(crate) fn arrive_at_nodes(&mut self) {
        for id in self.network.ids() {
            while let Some(up) = self.network.take_up(id, self.now) {
                let site = self.network.site_of(id).and_then(|site| self.sites.get_mut(site));
                let Some(node) = site.and_then(|site| site.node.as_mut()) else { continue };
                match up {
                    Up::Opened => {
                        // Now and then a mailbox that a burst can fill.
                        let small = self.faults.happens(100);
                        node.accept(id, self.now, if small { 3_000 } else { 1 << 20 });
                    }
                    Up::Frame(frame) => node.frame(id, self.now, frame),
                    Up::Closed => node.hung_up(id),
                }
            }
        }
    }

    pub(crate) fn leave_nodes(&mut self) {
        let nodes = self.sites.iter_mut().filter_map(|site| site.node.as_mut());
        let words: Vec<_> = nodes.flat_map(|node| node.words(self.now)).collect();
        for (conn, word) in words {
            let (frames, code) = match word {
                Word::Frames(frames) => (frames, None),
                Word::Close(frames, code) => (frames, Some(code)),
            };
            for frame in frames {
                self.network.send_down(conn, self.now, Down::Frame(frame));
            }
            if let Some(code) = code {
                self.network.send_down(conn, self.now, Down::Closed(code));
            }
        }
    }

    pub(crate) fn arrive_at_tabs(&mut self) {
        for browser in 0..self.browsers.len() {
            for tab in 0..self.browsers[browser].tabs.len() {
                self.arrive_at_tab(browser, tab);
            }
        }
    }

    pub(crate) fn arrive_at_tab(&mut self, browser: usize, tab: usize) {
        loop {
            let now = self.now;
            let here = &mut self.browsers[browser].tabs[tab];
            if here.frozen {
                return;
            }
            if let Some(index) = here.waiting.iter().position(|(at, _)| *at <= now)
                && let Some((_, input)) = here.waiting.remove(index)
            {
                let input = self.as_stored_now(browser, input);
                self.input(browser, tab, input);
                continue;
            }
            let Some(conn) = here.conn else { return };
            let Some(down) = self.network.take_down(conn, now) else { return };
            let input = match down {
                Down::Opened => Input::SocketOpened,
                Down::Frame(frame) => match serde_json::from_slice(&frame) {
                    Ok(frame) => Input::Frame(frame),
                    Err(error) => {
                        return self.complaints.push(format!("the server spoke no JSON: {error}"));
                    }
                },
                Down::Closed(code) => {
                    self.browsers[browser].tabs[tab].conn = None;
                    self.network.forget(conn);
                    Input::SocketClosed(code)
                }
            };
            self.input(browser, tab, input);
        }
    }

    /// What an event said was stored may have been overwritten since. The hands look again, and so
    /// does this.
    pub(crate) fn as_stored_now(
        &self,
        browser: usize,
        input: Input<serde_json::Value>,
    ) -> Input<serde_json::Value> {
        match input {
            Input::Stored(key, _) => {
                let value = self.browsers[browser].storage.get(&key).cloned();
                Input::Stored(key, value)
            }
            Input::StorageCleared { .. } => {
                let stored = self.browsers[browser].storage.clone().into_iter().collect();
                Input::StorageCleared { stored }
            }
            other => other,
        }
    }
}
