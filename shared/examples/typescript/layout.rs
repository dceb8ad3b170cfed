//! Lays declarations out as a person would: a member a line, documentation above it. The
//! generator cares for meaning alone, and this file cares for nothing but white space.

/// Lays out TypeScript whose only comments are `/** … */`.
pub(super) fn lay_out(source: &str) -> String {
    let mut page = Page { text: String::new(), open: Vec::new() };
    let mut rest = source;
    while let Some(char) = rest.chars().next() {
        if rest.starts_with("/**")
            && let Some(end) = rest.find("*/")
        {
            page.comment(&rest[..end + 2]);
            rest = &rest[end + 2..];
            continue;
        }
        if let Some((key, after)) = quoted_key(rest) {
            page.text.push_str(key);
            rest = after;
            continue;
        }
        page.character(char);
        rest = &rest[char.len_utf8()..];
    }
    page.text
}

/// A key in quotes at the beginning of the text, without them, and what follows.
fn quoted_key(text: &str) -> Option<(&str, &str)> {
    let (key, after) = text.strip_prefix('"')?.split_once('"')?;
    after.starts_with(':').then_some((key, after))
}

struct Page {
    text: String,
    /// The brackets that are open.
    open: Vec<char>,
}

impl Page {
    fn character(&mut self, char: char) {
        match char {
            '{' => {
                self.text.push(char);
                self.open.push(char);
                self.new_line();
            }
            '}' => {
                self.open.pop();
                self.take_back_space();
                if !self.text.ends_with([';', '{']) {
                    self.text.push(';');
                }
                self.new_line();
                self.text.push(char);
            }
            ',' if self.open.last() == Some(&'{') => {
                self.text.push(';');
                self.new_line();
            }
            '[' | '<' | '(' => {
                self.text.push(char);
                self.open.push(char);
            }
            ']' | '>' | ')' => {
                self.open.pop();
                self.text.push(char);
            }
            '\n' if self.open.is_empty() => self.text.push('\n'),
            ' ' | '\n' if self.text.ends_with([' ', '\n']) => {}
            '\n' => self.text.push(' '),
            other => self.text.push(other),
        }
    }

    /// Begins a line at the depth of the open braces, taking back one that was begun in vain.
    fn new_line(&mut self) {
        self.take_back_space();
        self.text.push('\n');
        let depth = self.open.iter().filter(|bracket| **bracket == '{').count();
        self.text.extend(std::iter::repeat_n("  ", depth));
    }

    fn take_back_space(&mut self) {
        let written = self.text.trim_end().len();
        self.text.truncate(written);
    }

    /// One line where the comment has one, a line each where it has more.
    fn comment(&mut self, comment: &str) {
        let lines: Vec<&str> = comment
            .trim_start_matches("/**")
            .trim_end_matches("*/")
            .trim()
            .lines()
            .map(|line| line.trim().trim_start_matches('*').trim())
            .collect();
        if let [line] = lines[..] {
            self.text.push_str("/** ");
            self.text.push_str(line);
            self.text.push_str(" */");
        } else {
            self.text.push_str("/**");
            for line in lines {
                self.new_line();
                self.text.push_str(" * ");
                self.text.push_str(line);
            }
            self.new_line();
            self.text.push_str(" */");
        }
        if !self.open.is_empty() {
            self.new_line();
        }
    }
}
